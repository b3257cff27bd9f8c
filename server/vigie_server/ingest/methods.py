"""Methods whose requests arrive as bytes: we decode them ourselves.

Left to gRPC, a message that cannot be decoded ends in a traceback of ours and an unclear status for
the peer; here it is an error like any other.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message

from vigie_server.domain.errors import MalformedRequest

Context = grpc.aio.ServicerContext[bytes, Message]
Unary = Callable[[bytes, Context], Awaitable[Message]]
Stream = Callable[[Any, Context], Awaitable[None]]
Answer = Callable[[bytes, Any], Awaitable[None]]
"""One request, and an answer that is written piece by piece."""
M = TypeVar("M", bound=Message)


def serialized(message: Message) -> bytes:
    return message.SerializeToString()


def service(
    descriptor: ServiceDescriptor,
    *,
    unary: Mapping[str, Unary] | None = None,
    streams: Mapping[str, Stream] | None = None,
    answers: Mapping[str, Answer] | None = None,
) -> grpc.GenericRpcHandler:
    """A handler for the service's methods, by their names in the `.proto`; all must be there."""
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
    for name, call in (unary or {}).items():
        handlers[name] = grpc.unary_unary_rpc_method_handler(call, response_serializer=serialized)
    for name, call_stream in (streams or {}).items():
        handlers[name] = grpc.stream_stream_rpc_method_handler(
            call_stream, response_serializer=serialized
        )
    for name, call_answer in (answers or {}).items():
        handlers[name] = grpc.unary_stream_rpc_method_handler(
            call_answer, response_serializer=serialized
        )
    missing = {method.name for method in descriptor.methods} ^ handlers.keys()
    if missing:
        raise LookupError(f"{descriptor.full_name}: methods do not match: {sorted(missing)}")
    return grpc.method_handlers_generic_handler(descriptor.full_name, handlers)


def decoded(kind: type[M], message: bytes) -> M:
    """Raises MalformedRequest, without a word of the payload."""
    try:
        return kind.FromString(message)
    except DecodeError as error:
        raise MalformedRequest("a message cannot be read") from error
