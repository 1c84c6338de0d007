// SPDX-License-Identifier: Apache-2.0
export { createGrpcServer } from './http2-grpc-server.ts';
export { serveHealth } from './health.ts';
export { Status } from './grpc/status.ts';
export { InvalidMetadataError } from './grpc/metadata.ts';
export { defaultHttp2Limits } from './http2/limits.ts';

export type { GrpcServerOptions, Http2GrpcServer } from './http2-grpc-server.ts';
export type {
  GrpcHandler,
  GrpcServer,
  GrpcStream,
  GrpcStreamListener,
  ListenOptions,
  StreamClose,
  TlsCertificate,
  TlsPolicy,
} from './grpc-server.ts';
export type { Health, HealthProvider } from './health.ts';
export type { Metadata, MetadataEntries, MetadataValue } from './grpc/metadata.ts';
export type { Http2Limits } from './http2/limits.ts';
export type { Rate } from './http2/budget.ts';
