// SPDX-License-Identifier: Apache-2.0
export { makeEndpoint, type EndpointBuilder } from './endpoint-builder.ts';
export { makeRequest, makeCycle, type CycleSetup } from './request-builder.ts';
export { makePlugin, type MakePluginOptions } from './make-plugin.ts';
export {
  makeInflightLoad,
  makeLatencyPredictions,
  makePrefixMatches,
  type PrefixMatchesSetup,
} from './attribute-builders.ts';
export { exampleConfigOf, parameterRow, parameterRowsOf } from './plugin-readme.ts';
