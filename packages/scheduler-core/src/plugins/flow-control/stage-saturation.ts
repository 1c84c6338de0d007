// SPDX-License-Identifier: Apache-2.0
import type { Endpoint } from '../../endpoint.ts';
import type { SaturationContext, SaturationDetector } from '../../flow-control-contracts.ts';
import { decodeRoles, prefillRoles, ROLE_LABEL } from '../filters/role-filter.ts';
import { labelOf } from '../label-value.ts';

/** How full a pool is, by the stages of a request. */
export interface StageSaturation {
  /** Undefined where no endpoint prefills for others. */
  readonly prefill: number | undefined;
  /** Undefined where no endpoint decodes. */
  readonly decode: number | undefined;
  /** What counts: the fuller of the two. 1 where there is no endpoint for either. */
  readonly effective: number;
}

const decodes = new Set<string | undefined>([...decodeRoles, undefined]);
const prefills = new Set<string | undefined>(prefillRoles);

/**
 * Asks a detector about the endpoints of each stage by their role label. Endpoints that do several stages count for
 * each; those that only encode, and unknown roles, for none.
 */
export function stageSaturation(
  detector: SaturationDetector,
  endpoints: readonly Endpoint[],
  context: SaturationContext,
): StageSaturation {
  const { prefilling, decoding } = stagesOf(endpoints);
  const of = (stage: readonly Endpoint[]): number | undefined =>
    stage.length === 0 ? undefined : detector.saturation(stage, context);
  const prefill = of(prefilling);
  const decode = of(decoding);
  const effective =
    prefill === undefined && decode === undefined ? 1 : Math.max(prefill ?? 0, decode ?? 0);
  return { prefill, decode, effective };
}

interface Stages {
  readonly prefilling: readonly Endpoint[];
  readonly decoding: readonly Endpoint[];
}

const NOBODY: readonly Endpoint[] = [];

function stagesOf(endpoints: readonly Endpoint[]): Stages {
  // By far the most pools have no roles, and are asked about for every request that waits.
  if (endpoints.every((endpoint) => labelOf(endpoint, ROLE_LABEL) === undefined)) {
    return { prefilling: NOBODY, decoding: endpoints };
  }
  return {
    prefilling: endpoints.filter((endpoint) => prefills.has(labelOf(endpoint, ROLE_LABEL))),
    decoding: endpoints.filter((endpoint) => decodes.has(labelOf(endpoint, ROLE_LABEL))),
  };
}
