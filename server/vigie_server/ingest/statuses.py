"""What a peer is told when something is refused: one gRPC status for each error of ours."""

from collections.abc import Mapping
from typing import Final

import grpc

from vigie_server.domain.errors import (
    BackupRefused,
    ConditionFailed,
    ConditionMissing,
    CursorRefused,
    DeclarationRefused,
    DeviceCloned,
    DeviceRetired,
    FleetNotRead,
    InUse,
    KeyUsedOtherwise,
    MalformedRequest,
    NotFound,
    ProviderRefused,
    RateLimited,
    ReportNotMade,
    ReportsBusy,
    RequestUnderWay,
    RulesMalformed,
    SecretUnreadable,
    SettingsMalformed,
    SignInRefused,
    StoreBusy,
    StoreRefused,
    TokenRefused,
    UnknownDevice,
    VigieError,
)

STATUS_OF: Final[Mapping[type[VigieError], grpc.StatusCode]] = {
    BackupRefused: grpc.StatusCode.INTERNAL,
    UnknownDevice: grpc.StatusCode.PERMISSION_DENIED,
    DeviceRetired: grpc.StatusCode.PERMISSION_DENIED,
    DeviceCloned: grpc.StatusCode.PERMISSION_DENIED,
    MalformedRequest: grpc.StatusCode.INVALID_ARGUMENT,
    TokenRefused: grpc.StatusCode.PERMISSION_DENIED,
    ConditionFailed: grpc.StatusCode.FAILED_PRECONDITION,
    ConditionMissing: grpc.StatusCode.FAILED_PRECONDITION,
    CursorRefused: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    DeclarationRefused: grpc.StatusCode.INVALID_ARGUMENT,
    InUse: grpc.StatusCode.FAILED_PRECONDITION,
    RulesMalformed: grpc.StatusCode.INTERNAL,
    SecretUnreadable: grpc.StatusCode.INTERNAL,
    SettingsMalformed: grpc.StatusCode.INTERNAL,
    SignInRefused: grpc.StatusCode.UNAUTHENTICATED,
    ProviderRefused: grpc.StatusCode.INTERNAL,
    RateLimited: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ReportNotMade: grpc.StatusCode.INTERNAL,
    ReportsBusy: grpc.StatusCode.UNAVAILABLE,
    KeyUsedOtherwise: grpc.StatusCode.INVALID_ARGUMENT,
    RequestUnderWay: grpc.StatusCode.ABORTED,
    StoreRefused: grpc.StatusCode.INTERNAL,
    StoreBusy: grpc.StatusCode.UNAVAILABLE,
    FleetNotRead: grpc.StatusCode.UNAVAILABLE,
}
