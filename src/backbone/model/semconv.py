"""
Names of attributes: OpenTelemetry's semantic conventions (1.38) and those of Hugo, OmniRelay and MeshKit.

Attribute names stand here and nowhere else, so that one that changes is changed once.
"""

from __future__ import annotations

SERVICE_NAME = "service.name"
SERVICE_NAMESPACE = "service.namespace"
SERVICE_VERSION = "service.version"
SERVICE_INSTANCE_ID = "service.instance.id"
HOST_NAME = "host.name"
DEPLOYMENT_ENVIRONMENT_NAME = "deployment.environment.name"
REGION = "region"

RPC_SYSTEM = "rpc.system"
RPC_SERVICE = "rpc.service"
RPC_METHOD = "rpc.method"
RPC_PROCEDURE = "rpc.procedure"
RPC_TYPE = "rpc.type"
RPC_KIND = "rpc.kind"
RPC_TRANSPORT = "rpc.transport"
RPC_ENCODING = "rpc.encoding"
RPC_RESPONSE_ENCODING = "rpc.response.encoding"
RPC_CALLER = "rpc.caller"
RPC_STATUS = "rpc.status"
RPC_DIRECTION = "rpc.direction"
RPC_PEER = "rpc.peer"
RPC_SHARD_KEY = "rpc.shard_key"
RPC_REQUEST_ID = "rpc.request_id"
RPC_PROTOCOL = "rpc.protocol"
RPC_ROUTING_KEY = "rpc.routing_key"
RPC_ERROR_CODE = "rpc.error_code"
RPC_ERROR_MESSAGE = "rpc.error_message"
RPC_GRPC_STATUS_CODE = "rpc.grpc.status_code"
HTTP_REQUEST_METHOD = "http.request.method"
NETWORK_PROTOCOL_NAME = "network.protocol.name"
NETWORK_PROTOCOL_VERSION = "network.protocol.version"
NETWORK_TRANSPORT = "network.transport"
RPC_PEER_PORT = "rpc.peer_port"
RPC_REQUEST_ENCODING = "rpc.request_encoding"
ACTIVITY_TRACE_ID = "activity.trace_id"
ACTIVITY_SPAN_ID = "activity.span_id"
NET_PEER_NAME = "net.peer.name"
NET_PEER_PORT = "net.peer.port"
PEER_SUPPORTS_H3 = "omnirelay.peer.supports_h3"
DISCOVERY_SELECTION = "omnirelay.discovery.selection"

ERROR_STATUS = "error.status"
RETRY_ATTEMPT = "retry.attempt"
LEASE_DISCONNECT_REASON = "lease.disconnect.reason"
LEASE_RESOURCE_TYPE = "lease.resource_type"
LEASE_EVENT_TYPE = "lease.event_type"
POLICY_ENDPOINT = "omnirelay.transport.endpoint"
POLICY_CATEGORY = "omnirelay.transport.category"
POLICY_TRANSPORT = "omnirelay.transport"

TASKQUEUE_NAME = "taskqueue.name"
TASKQUEUE_OPERATION = "taskqueue.operation"
TASKQUEUE_ATTEMPT = "taskqueue.attempt"
TASKQUEUE_ERROR_CODE = "taskqueue.error.code"
TASKQUEUE_SEQUENCE_ID = "taskqueue.sequence_id"
SHARD_ID = "shard.id"
WORKFLOW_NAMESPACE = "workflow.namespace"
WORKFLOW_TASK_QUEUE = "workflow.task_queue"
WORKFLOW_RUN_ID = "workflow.run_id"
WORKFLOW_ID = "workflow.id"
WORKFLOW_STATUS = "workflow.status"

DETERMINISTIC_STAGE = "deterministic.stage"
DETERMINISTIC_VERSION = "deterministic.version"

SELECT_CASE_COUNT = "hugo.select.case_count"
SELECT_OUTCOME = "hugo.select.outcome"
SELECT_DURATION_MS = "hugo.select.duration_ms"

MESH_STATUS = "mesh.status"
MESH_PEER = "mesh.peer"
MESH_SCOPE = "mesh.scope"
MESH_SCOPE_KIND = "mesh.scope_kind"
MESH_LEADER = "mesh.leader"
MESH_TRANSITION = "mesh.transition"
MESH_CLUSTER = "mesh.cluster"
MESH_ROLE = "mesh.role"
MESH_DIRECTION = "mesh.direction"
MESH_OUTCOME = "mesh.outcome"
MESH_VIEW = "mesh.view"
MESH_FANOUT_COMPUTED = "mesh.fanout.computed"
MESH_FANOUT_ATTEMPTED = "mesh.fanout.attempted"
MESH_REGION = "mesh.region"
MESH_VERSION = "mesh.version"
MESH_HTTP3 = "mesh.http3"

EVENT_ID = "event.id"
LOG_CATEGORY = "log.category"

DEPRECATED = {
    "http.method": HTTP_REQUEST_METHOD,
    "http.status_code": "http.response.status_code",
    "http.scheme": "url.scheme",
    "http.url": "url.full",
    "http.user_agent": "user_agent.original",
    "http.flavor": NETWORK_PROTOCOL_VERSION,
    "http.client_ip": "client.address",
    "http.server_name": "server.address",
    "net.host.name": "server.address",
    "net.host.port": "server.port",
    "net.peer.name": "server.address",
    "net.peer.port": "server.port",
    "net.peer.ip": "network.peer.address",
    "net.host.ip": "network.local.address",
    "net.sock.peer.addr": "network.peer.address",
    "net.sock.peer.port": "network.peer.port",
    "net.sock.host.addr": "network.local.address",
    "net.sock.host.port": "network.local.port",
    "net.protocol.name": NETWORK_PROTOCOL_NAME,
    "net.protocol.version": NETWORK_PROTOCOL_VERSION,
    "db.system": "db.system.name",
    "db.name": "db.namespace",
    "db.statement": "db.query.text",
    "db.operation": "db.operation.name",
    "db.sql.table": "db.collection.name",
    "db.cassandra.table": "db.collection.name",
    "db.mongodb.collection": "db.collection.name",
    "messaging.operation": "messaging.operation.type",
    "messaging.client_id": "messaging.client.id",
    "messaging.kafka.consumer.group": "messaging.consumer.group.name",
    "messaging.kafka.message.offset": "messaging.kafka.offset",
    "messaging.kafka.destination.partition": "messaging.destination.partition.id",
    "code.function": "code.function.name",
    "code.filepath": "code.file.path",
    "code.lineno": "code.line.number",
    "code.column": "code.column.number",
    "gen_ai.system": "gen_ai.provider.name",
    "gen_ai.usage.prompt_tokens": "gen_ai.usage.input_tokens",
    "gen_ai.usage.completion_tokens": "gen_ai.usage.output_tokens",
}
"""Names that the conventions gave up for one other name with the same values, and that name; of items."""

DEPRECATED_OF_RESOURCES = {
    "deployment.environment": DEPLOYMENT_ENVIRONMENT_NAME,
    "faas.id": "cloud.resource_id",
    "telemetry.auto.version": "telemetry.distro.version",
}
"""The same, of attributes that resources have."""
