// SPDX-License-Identifier: Apache-2.0
// Generated from the .proto files. Do not edit.

/** `envoy.service.ext_proc.v3.ProtocolConfiguration`. */
export interface ProtocolConfiguration {
  readonly requestBodyMode: number;
  readonly responseBodyMode: number;
  readonly sendBodyWithoutWaitingForHeaderResponse: boolean;
}

/** `envoy.service.ext_proc.v3.ProtocolConfiguration`. */
export interface ProtocolConfigurationInit {
  readonly requestBodyMode?: BodySendMode | (number & {}) | null | undefined;
  readonly responseBodyMode?: BodySendMode | (number & {}) | null | undefined;
  readonly sendBodyWithoutWaitingForHeaderResponse?: boolean | null | undefined;
}

/** `envoy.service.ext_proc.v3.ProcessingRequest`. */
export interface ProcessingRequest {
  readonly requestHeaders: HttpHeaders | null;
  readonly responseHeaders: HttpHeaders | null;
  readonly requestBody: HttpBody | null;
  readonly responseBody: HttpBody | null;
  readonly requestTrailers: HttpTrailers | null;
  readonly responseTrailers: HttpTrailers | null;
  readonly metadataContext: Metadata | null;
  readonly attributes: Readonly<Record<string, Struct>>;
  readonly observabilityMode: boolean;
  readonly protocolConfig: ProtocolConfiguration | null;
  readonly request?: 'requestHeaders' | 'responseHeaders' | 'requestBody' | 'responseBody' | 'requestTrailers' | 'responseTrailers';
}

/** `envoy.service.ext_proc.v3.ProcessingRequest`. */
export interface ProcessingRequestInit {
  readonly requestHeaders?: HttpHeadersInit | null | undefined;
  readonly responseHeaders?: HttpHeadersInit | null | undefined;
  readonly requestBody?: HttpBodyInit | null | undefined;
  readonly responseBody?: HttpBodyInit | null | undefined;
  readonly requestTrailers?: HttpTrailersInit | null | undefined;
  readonly responseTrailers?: HttpTrailersInit | null | undefined;
  readonly metadataContext?: MetadataInit | null | undefined;
  readonly attributes?: Readonly<Record<string, StructInit>> | null | undefined;
  readonly observabilityMode?: boolean | null | undefined;
  readonly protocolConfig?: ProtocolConfigurationInit | null | undefined;
}

/** `envoy.service.ext_proc.v3.ProcessingResponse`. */
export interface ProcessingResponse {
  readonly requestHeaders: HeadersResponse | null;
  readonly responseHeaders: HeadersResponse | null;
  readonly requestBody: BodyResponse | null;
  readonly responseBody: BodyResponse | null;
  readonly requestTrailers: TrailersResponse | null;
  readonly responseTrailers: TrailersResponse | null;
  readonly immediateResponse: ImmediateResponse | null;
  readonly dynamicMetadata: Struct | null;
  readonly modeOverride: ProcessingMode | null;
  readonly overrideMessageTimeout: Duration | null;
  readonly response?: 'requestHeaders' | 'responseHeaders' | 'requestBody' | 'responseBody' | 'requestTrailers' | 'responseTrailers' | 'immediateResponse';
}

/** `envoy.service.ext_proc.v3.ProcessingResponse`. */
export interface ProcessingResponseInit {
  readonly requestHeaders?: HeadersResponseInit | null | undefined;
  readonly responseHeaders?: HeadersResponseInit | null | undefined;
  readonly requestBody?: BodyResponseInit | null | undefined;
  readonly responseBody?: BodyResponseInit | null | undefined;
  readonly requestTrailers?: TrailersResponseInit | null | undefined;
  readonly responseTrailers?: TrailersResponseInit | null | undefined;
  readonly immediateResponse?: ImmediateResponseInit | null | undefined;
  readonly dynamicMetadata?: StructInit | null | undefined;
  readonly modeOverride?: ProcessingModeInit | null | undefined;
  readonly overrideMessageTimeout?: DurationInit | null | undefined;
}

/** `envoy.service.ext_proc.v3.HttpHeaders`. */
export interface HttpHeaders {
  readonly headers: HeaderMap | null;
  readonly endOfStream: boolean;
}

/** `envoy.service.ext_proc.v3.HttpHeaders`. */
export interface HttpHeadersInit {
  readonly headers?: HeaderMapInit | null | undefined;
  readonly endOfStream?: boolean | null | undefined;
}

/** `envoy.service.ext_proc.v3.HttpBody`. */
export interface HttpBody {
  readonly body: Uint8Array;
  readonly endOfStream: boolean;
}

/** `envoy.service.ext_proc.v3.HttpBody`. */
export interface HttpBodyInit {
  readonly body?: Uint8Array | null | undefined;
  readonly endOfStream?: boolean | null | undefined;
}

/** `envoy.service.ext_proc.v3.HttpTrailers`. */
export interface HttpTrailers {
  readonly trailers: HeaderMap | null;
}

/** `envoy.service.ext_proc.v3.HttpTrailers`. */
export interface HttpTrailersInit {
  readonly trailers?: HeaderMapInit | null | undefined;
}

/** `envoy.service.ext_proc.v3.HeadersResponse`. */
export interface HeadersResponse {
  readonly response: CommonResponse | null;
}

/** `envoy.service.ext_proc.v3.HeadersResponse`. */
export interface HeadersResponseInit {
  readonly response?: CommonResponseInit | null | undefined;
}

/** `envoy.service.ext_proc.v3.BodyResponse`. */
export interface BodyResponse {
  readonly response: CommonResponse | null;
}

/** `envoy.service.ext_proc.v3.BodyResponse`. */
export interface BodyResponseInit {
  readonly response?: CommonResponseInit | null | undefined;
}

/** `envoy.service.ext_proc.v3.TrailersResponse`. */
export interface TrailersResponse {
  readonly headerMutation: HeaderMutation | null;
}

/** `envoy.service.ext_proc.v3.TrailersResponse`. */
export interface TrailersResponseInit {
  readonly headerMutation?: HeaderMutationInit | null | undefined;
}

/** `envoy.service.ext_proc.v3.CommonResponse`. */
export interface CommonResponse {
  readonly status: number;
  readonly headerMutation: HeaderMutation | null;
  readonly bodyMutation: BodyMutation | null;
  readonly trailers: HeaderMap | null;
  readonly clearRouteCache: boolean;
}

/** `envoy.service.ext_proc.v3.CommonResponse`. */
export interface CommonResponseInit {
  readonly status?: ResponseStatus | (number & {}) | null | undefined;
  readonly headerMutation?: HeaderMutationInit | null | undefined;
  readonly bodyMutation?: BodyMutationInit | null | undefined;
  readonly trailers?: HeaderMapInit | null | undefined;
  readonly clearRouteCache?: boolean | null | undefined;
}

/** `envoy.service.ext_proc.v3.CommonResponse.ResponseStatus`. */
export const ResponseStatus = {
  CONTINUE: 0,
  CONTINUE_AND_REPLACE: 1,
} as const;
export type ResponseStatus = (typeof ResponseStatus)[keyof typeof ResponseStatus];

/** `envoy.service.ext_proc.v3.ImmediateResponse`. */
export interface ImmediateResponse {
  readonly status: HttpStatus | null;
  readonly headers: HeaderMutation | null;
  readonly body: Uint8Array;
  readonly grpcStatus: GrpcStatus | null;
  readonly details: string;
}

/** `envoy.service.ext_proc.v3.ImmediateResponse`. */
export interface ImmediateResponseInit {
  readonly status?: HttpStatusInit | null | undefined;
  readonly headers?: HeaderMutationInit | null | undefined;
  readonly body?: Uint8Array | null | undefined;
  readonly grpcStatus?: GrpcStatusInit | null | undefined;
  readonly details?: string | null | undefined;
}

/** `envoy.service.ext_proc.v3.GrpcStatus`. */
export interface GrpcStatus {
  readonly status: number;
}

/** `envoy.service.ext_proc.v3.GrpcStatus`. */
export interface GrpcStatusInit {
  readonly status?: number | null | undefined;
}

/** `envoy.service.ext_proc.v3.HeaderMutation`. */
export interface HeaderMutation {
  readonly setHeaders: readonly HeaderValueOption[];
  readonly removeHeaders: readonly string[];
}

/** `envoy.service.ext_proc.v3.HeaderMutation`. */
export interface HeaderMutationInit {
  readonly setHeaders?: readonly HeaderValueOptionInit[] | null | undefined;
  readonly removeHeaders?: readonly string[] | null | undefined;
}

/** `envoy.service.ext_proc.v3.StreamedBodyResponse`. */
export interface StreamedBodyResponse {
  readonly body: Uint8Array;
  readonly endOfStream: boolean;
}

/** `envoy.service.ext_proc.v3.StreamedBodyResponse`. */
export interface StreamedBodyResponseInit {
  readonly body?: Uint8Array | null | undefined;
  readonly endOfStream?: boolean | null | undefined;
}

/** `envoy.service.ext_proc.v3.BodyMutation`. */
export interface BodyMutation {
  readonly body: Uint8Array | null;
  readonly clearBody: boolean | null;
  readonly streamedResponse: StreamedBodyResponse | null;
  readonly mutation?: 'body' | 'clearBody' | 'streamedResponse';
}

/** `envoy.service.ext_proc.v3.BodyMutation`. */
export interface BodyMutationInit {
  readonly body?: Uint8Array | null | undefined;
  readonly clearBody?: boolean | null | undefined;
  readonly streamedResponse?: StreamedBodyResponseInit | null | undefined;
}

/** `envoy.config.core.v3.Metadata`. */
export interface Metadata {
  readonly filterMetadata: Readonly<Record<string, Struct>>;
  readonly typedFilterMetadata: Readonly<Record<string, Any>>;
}

/** `envoy.config.core.v3.Metadata`. */
export interface MetadataInit {
  readonly filterMetadata?: Readonly<Record<string, StructInit>> | null | undefined;
  readonly typedFilterMetadata?: Readonly<Record<string, AnyInit>> | null | undefined;
}

/** `envoy.config.core.v3.HeaderValue`. */
export interface HeaderValue {
  readonly key: string;
  readonly value: string;
  readonly rawValue: Uint8Array;
}

/** `envoy.config.core.v3.HeaderValue`. */
export interface HeaderValueInit {
  readonly key?: string | null | undefined;
  readonly value?: string | null | undefined;
  readonly rawValue?: Uint8Array | null | undefined;
}

/** `envoy.config.core.v3.HeaderValueOption`. */
export interface HeaderValueOption {
  readonly header: HeaderValue | null;
  readonly append: BoolValue | null;
  readonly appendAction: number;
  readonly keepEmptyValue: boolean;
}

/** `envoy.config.core.v3.HeaderValueOption`. */
export interface HeaderValueOptionInit {
  readonly header?: HeaderValueInit | null | undefined;
  readonly append?: BoolValueInit | null | undefined;
  readonly appendAction?: HeaderAppendAction | (number & {}) | null | undefined;
  readonly keepEmptyValue?: boolean | null | undefined;
}

/** `envoy.config.core.v3.HeaderValueOption.HeaderAppendAction`. */
export const HeaderAppendAction = {
  APPEND_IF_EXISTS_OR_ADD: 0,
  ADD_IF_ABSENT: 1,
  OVERWRITE_IF_EXISTS_OR_ADD: 2,
  OVERWRITE_IF_EXISTS: 3,
} as const;
export type HeaderAppendAction = (typeof HeaderAppendAction)[keyof typeof HeaderAppendAction];

/** `envoy.config.core.v3.HeaderMap`. */
export interface HeaderMap {
  readonly headers: readonly HeaderValue[];
}

/** `envoy.config.core.v3.HeaderMap`. */
export interface HeaderMapInit {
  readonly headers?: readonly HeaderValueInit[] | null | undefined;
}

/** `envoy.extensions.filters.http.ext_proc.v3.ProcessingMode`. */
export interface ProcessingMode {
  readonly requestHeaderMode: number;
  readonly responseHeaderMode: number;
  readonly requestBodyMode: number;
  readonly responseBodyMode: number;
  readonly requestTrailerMode: number;
  readonly responseTrailerMode: number;
}

/** `envoy.extensions.filters.http.ext_proc.v3.ProcessingMode`. */
export interface ProcessingModeInit {
  readonly requestHeaderMode?: HeaderSendMode | (number & {}) | null | undefined;
  readonly responseHeaderMode?: HeaderSendMode | (number & {}) | null | undefined;
  readonly requestBodyMode?: BodySendMode | (number & {}) | null | undefined;
  readonly responseBodyMode?: BodySendMode | (number & {}) | null | undefined;
  readonly requestTrailerMode?: HeaderSendMode | (number & {}) | null | undefined;
  readonly responseTrailerMode?: HeaderSendMode | (number & {}) | null | undefined;
}

/** `envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.HeaderSendMode`. */
export const HeaderSendMode = {
  DEFAULT: 0,
  SEND: 1,
  SKIP: 2,
} as const;
export type HeaderSendMode = (typeof HeaderSendMode)[keyof typeof HeaderSendMode];

/** `envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.BodySendMode`. */
export const BodySendMode = {
  NONE: 0,
  STREAMED: 1,
  BUFFERED: 2,
  BUFFERED_PARTIAL: 3,
  FULL_DUPLEX_STREAMED: 4,
  GRPC: 5,
} as const;
export type BodySendMode = (typeof BodySendMode)[keyof typeof BodySendMode];

/** `envoy.type.v3.HttpStatus`. */
export interface HttpStatus {
  readonly code: number;
}

/** `envoy.type.v3.HttpStatus`. */
export interface HttpStatusInit {
  readonly code?: number | null | undefined;
}

/** `google.protobuf.Any`. */
export interface Any {
  /** undefined */
  readonly type_url: string;
  /** undefined */
  readonly value: Uint8Array;
}

/** `google.protobuf.Any`. */
export interface AnyInit {
  /** undefined */
  readonly type_url?: string | null | undefined;
  /** undefined */
  readonly value?: Uint8Array | null | undefined;
}

/** `google.protobuf.Struct`. */
export interface Struct {
  /** undefined */
  readonly fields: Readonly<Record<string, Value>>;
}

/** `google.protobuf.Struct`. */
export interface StructInit {
  /** undefined */
  readonly fields?: Readonly<Record<string, ValueInit>> | null | undefined;
}

/** `google.protobuf.Value`. */
export interface Value {
  /** undefined */
  readonly nullValue: number | null;
  /** undefined */
  readonly numberValue: number | null;
  /** undefined */
  readonly stringValue: string | null;
  /** undefined */
  readonly boolValue: boolean | null;
  /** undefined */
  readonly structValue: Struct | null;
  /** undefined */
  readonly listValue: ListValue | null;
  readonly kind?: 'nullValue' | 'numberValue' | 'stringValue' | 'boolValue' | 'structValue' | 'listValue';
}

/** `google.protobuf.Value`. */
export interface ValueInit {
  /** undefined */
  readonly nullValue?: NullValue | (number & {}) | null | undefined;
  /** undefined */
  readonly numberValue?: number | null | undefined;
  /** undefined */
  readonly stringValue?: string | null | undefined;
  /** undefined */
  readonly boolValue?: boolean | null | undefined;
  /** undefined */
  readonly structValue?: StructInit | null | undefined;
  /** undefined */
  readonly listValue?: ListValueInit | null | undefined;
}

/** `google.protobuf.NullValue`. undefined */
export const NullValue = {
  NULL_VALUE: 0,
} as const;
export type NullValue = (typeof NullValue)[keyof typeof NullValue];

/** `google.protobuf.ListValue`. */
export interface ListValue {
  /** undefined */
  readonly values: readonly Value[];
}

/** `google.protobuf.ListValue`. */
export interface ListValueInit {
  /** undefined */
  readonly values?: readonly ValueInit[] | null | undefined;
}

/** `google.protobuf.DoubleValue`. */
export interface DoubleValue {
  /** undefined */
  readonly value: number;
}

/** `google.protobuf.DoubleValue`. */
export interface DoubleValueInit {
  /** undefined */
  readonly value?: number | null | undefined;
}

/** `google.protobuf.FloatValue`. */
export interface FloatValue {
  /** undefined */
  readonly value: number;
}

/** `google.protobuf.FloatValue`. */
export interface FloatValueInit {
  /** undefined */
  readonly value?: number | null | undefined;
}

/** `google.protobuf.Int64Value`. */
export interface Int64Value {
  /** undefined */
  readonly value: number;
}

/** `google.protobuf.Int64Value`. */
export interface Int64ValueInit {
  /** undefined */
  readonly value?: number | null | undefined;
}

/** `google.protobuf.UInt64Value`. */
export interface UInt64Value {
  /** undefined */
  readonly value: number;
}

/** `google.protobuf.UInt64Value`. */
export interface UInt64ValueInit {
  /** undefined */
  readonly value?: number | null | undefined;
}

/** `google.protobuf.Int32Value`. */
export interface Int32Value {
  /** undefined */
  readonly value: number;
}

/** `google.protobuf.Int32Value`. */
export interface Int32ValueInit {
  /** undefined */
  readonly value?: number | null | undefined;
}

/** `google.protobuf.UInt32Value`. */
export interface UInt32Value {
  /** undefined */
  readonly value: number;
}

/** `google.protobuf.UInt32Value`. */
export interface UInt32ValueInit {
  /** undefined */
  readonly value?: number | null | undefined;
}

/** `google.protobuf.BoolValue`. */
export interface BoolValue {
  /** undefined */
  readonly value: boolean;
}

/** `google.protobuf.BoolValue`. */
export interface BoolValueInit {
  /** undefined */
  readonly value?: boolean | null | undefined;
}

/** `google.protobuf.StringValue`. */
export interface StringValue {
  /** undefined */
  readonly value: string;
}

/** `google.protobuf.StringValue`. */
export interface StringValueInit {
  /** undefined */
  readonly value?: string | null | undefined;
}

/** `google.protobuf.BytesValue`. */
export interface BytesValue {
  /** undefined */
  readonly value: Uint8Array;
}

/** `google.protobuf.BytesValue`. */
export interface BytesValueInit {
  /** undefined */
  readonly value?: Uint8Array | null | undefined;
}

/** `google.protobuf.Duration`. */
export interface Duration {
  /** undefined */
  readonly seconds: number;
  /** undefined */
  readonly nanos: number;
}

/** `google.protobuf.Duration`. */
export interface DurationInit {
  /** undefined */
  readonly seconds?: number | null | undefined;
  /** undefined */
  readonly nanos?: number | null | undefined;
}

/** `grpc.health.v1.HealthCheckRequest`. */
export interface HealthCheckRequest {
  readonly service: string;
}

/** `grpc.health.v1.HealthCheckRequest`. */
export interface HealthCheckRequestInit {
  readonly service?: string | null | undefined;
}

/** `grpc.health.v1.HealthCheckResponse`. */
export interface HealthCheckResponse {
  readonly status: number;
}

/** `grpc.health.v1.HealthCheckResponse`. */
export interface HealthCheckResponseInit {
  readonly status?: ServingStatus | (number & {}) | null | undefined;
}

/** `grpc.health.v1.HealthCheckResponse.ServingStatus`. */
export const ServingStatus = {
  UNKNOWN: 0,
  SERVING: 1,
  NOT_SERVING: 2,
  SERVICE_UNKNOWN: 3,
} as const;
export type ServingStatus = (typeof ServingStatus)[keyof typeof ServingStatus];

/** `grpc.health.v1.HealthListRequest`. */
export type HealthListRequest = Readonly<Record<never, never>>;

/** `grpc.health.v1.HealthListRequest`. */
export type HealthListRequestInit = Readonly<Record<never, never>>;

/** `grpc.health.v1.HealthListResponse`. */
export interface HealthListResponse {
  readonly statuses: Readonly<Record<string, HealthCheckResponse>>;
}

/** `grpc.health.v1.HealthListResponse`. */
export interface HealthListResponseInit {
  readonly statuses?: Readonly<Record<string, HealthCheckResponseInit>> | null | undefined;
}

/** `indexer.v1.GetPodScoresRequest`. */
export interface GetPodScoresRequest {
  readonly prompt: string;
  readonly modelName: string;
  readonly podIdentifiers: readonly string[];
}

/** `indexer.v1.GetPodScoresRequest`. */
export interface GetPodScoresRequestInit {
  readonly prompt?: string | null | undefined;
  readonly modelName?: string | null | undefined;
  readonly podIdentifiers?: readonly string[] | null | undefined;
}

/** `indexer.v1.PodScore`. */
export interface PodScore {
  readonly pod: string;
  readonly score: number;
}

/** `indexer.v1.PodScore`. */
export interface PodScoreInit {
  readonly pod?: string | null | undefined;
  readonly score?: number | null | undefined;
}

/** `indexer.v1.GetPodScoresResponse`. */
export interface GetPodScoresResponse {
  readonly scores: readonly PodScore[];
}

/** `indexer.v1.GetPodScoresResponse`. */
export interface GetPodScoresResponseInit {
  readonly scores?: readonly PodScoreInit[] | null | undefined;
}
