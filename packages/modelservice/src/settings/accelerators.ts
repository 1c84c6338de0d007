// SPDX-License-Identifier: Apache-2.0

/** What Kubernetes calls an accelerator. */
export interface Accelerator {
  /** Extended resource; undefined where there is none to ask for. */
  readonly resource: string | undefined;
  /** Device class of dynamic resource allocation. */
  readonly deviceClass: string | undefined;
  /** Environment that the vendor's vLLM needs. */
  readonly env: Readonly<Record<string, string>>;
}

const SPAWN = { VLLM_WORKER_MULTIPROC_METHOD: 'spawn' };

/** Accelerators by the type that a ModelService names. */
export const accelerators: ReadonlyMap<string, Accelerator> = new Map<string, Accelerator>([
  ['nvidia', { resource: 'nvidia.com/gpu', deviceClass: 'gpu.nvidia.com', env: {} }],
  ['amd', { resource: 'amd.com/gpu', deviceClass: 'gpu.amd.com', env: {} }],
  [
    'intel-i915',
    {
      resource: 'gpu.intel.com/i915',
      deviceClass: 'gpu.intel.com',
      env: { VLLM_USE_V1: '1', TORCH_LLM_ALLREDUCE: '1', ...SPAWN },
    },
  ],
  ['intel-xe', { resource: 'gpu.intel.com/xe', deviceClass: 'gpu.intel.com', env: SPAWN }],
  ['intel-gaudi', { resource: 'habana.ai/gaudi', deviceClass: 'gaudi.intel.com', env: {} }],
  ['google', { resource: 'google.com/tpu', deviceClass: 'tpu.google.com', env: {} }],
  ['rebellions-atom', { resource: 'rebellions.ai/ATOM', deviceClass: undefined, env: {} }],
  ['cpu', { resource: undefined, deviceClass: undefined, env: {} }],
]);
