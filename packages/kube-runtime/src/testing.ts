// SPDX-License-Identifier: Apache-2.0
export { createFakeApiServer } from './testing/fake-api-server.ts';

export type {
  FakeApiServer,
  FakeApiServerOptions,
  SeenRequest,
} from './testing/fake-api-server.ts';
export type { Fault, Faults, FaultScope, Operation } from './testing/faults.ts';
export type { HttpListener } from './testing/http-listener.ts';
export type { OpenWatch } from './testing/watches.ts';
export type { FakeUser, ReviewOptions } from './testing/reviews.ts';
