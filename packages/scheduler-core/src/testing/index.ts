// SPDX-License-Identifier: Apache-2.0
export { makeEndpoint, type EndpointBuilder } from './endpoint-builder.ts';
export { makeRequest, makeCycle } from './request-builder.ts';
