// SPDX-License-Identifier: Apache-2.0
export { renderModelService } from './render-model-service.ts';
export { presets } from './settings/presets.ts';
export { accelerators } from './settings/accelerators.ts';
export { defaultCapabilities } from './settings/capabilities.ts';
export { defaultImages } from './settings/images.ts';
export { parseModelUri } from './model/model-uri.ts';
export { strategicMerge } from './merge/strategic-merge.ts';
export { childNamesOf } from './child-names.ts';
export { labelsOf } from './labels.ts';

export type { Rendering } from './render-model-service.ts';
export type { InitialReplicas } from './workload/workload.ts';
export type { Surroundings } from './settings/settle.ts';
export type { Capabilities } from './settings/capabilities.ts';
export type { Images } from './settings/images.ts';
export type { Accelerator } from './settings/accelerators.ts';
export type { PickerConfigName, Preset } from './settings/presets.ts';
export type { ModelSource, ParsedUri } from './model/model-uri.ts';
export type { ChildNames } from './child-names.ts';
export type { Labels, Role } from './labels.ts';
export type { JsonObject, RenderedObject } from './json.ts';
