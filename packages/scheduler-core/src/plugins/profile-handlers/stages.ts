// SPDX-License-Identifier: Apache-2.0
import { peerEndpoint } from '../../attributes/topology.ts';
import type { SchedulingCycle } from '../../cycle.ts';
import type { Endpoint } from '../../endpoint.ts';
import type { Decider, HandlerOutput, ProfileHandler } from '../../plugin-contracts.ts';
import type { Named } from '../../scheduler.ts';
import type { ProfileOutcome } from '../../scheduling-result.ts';

/** The stages of a request and who decides about them; stages by the name of their profile. */
export interface Stages {
  readonly order: 'decode-first' | 'prefill-first';
  readonly decode: string;
  readonly prefill: string;
  readonly encode: string;
  /** Without one there is no prefill elsewhere in the order decode-first. */
  readonly prefillDecider: Named<Decider> | undefined;
  /** Without one nothing is encoded elsewhere. */
  readonly encodeDecider: Named<Decider> | undefined;
}

interface Round {
  readonly cycle: SchedulingCycle;
  readonly profiles: readonly string[];
  readonly outcomes: ReadonlyMap<string, ProfileOutcome>;
  readonly output: HandlerOutput;
}

const DONE: readonly string[] = [];

/** Runs the stages in their order; the endpoint that decodes is the destination. */
export function createStageHandler(stages: Stages): ProfileHandler {
  const plan = stages.order === 'decode-first' ? planDecodeFirst : planPrefillFirst;
  return {
    next: (cycle, profiles, outcomes, output) =>
      plan(stages, { cycle, profiles, outcomes, output }),
    primary: () => stages.decode,
  };
}

/** Decode; then encode and prefill as their deciders say, given the endpoint that decodes. */
function planDecodeFirst(stages: Stages, round: Round): readonly string[] {
  const { outcomes } = round;
  const decoded = outcomes.get(stages.decode);
  if (decoded === undefined) return [stages.decode];
  const [chosen] = decoded.picked;
  if (chosen === undefined || outcomes.size > 1) return DONE;
  round.output.attributes.set(peerEndpoint, chosen);
  return [
    ...ask(stages.encodeDecider, stages.encode, { ...round, chosen }),
    ...ask(stages.prefillDecider, stages.prefill, { ...round, chosen }),
  ];
}

/** Prefill always; then encode as its decider says, and decode, which may look at where the prompt is prefilled. */
function planPrefillFirst(stages: Stages, round: Round): readonly string[] {
  const { profiles, outcomes, output } = round;
  if (outcomes.has(stages.decode)) return DONE;
  const prefilled = outcomes.get(stages.prefill);
  if (prefilled === undefined && profiles.includes(stages.prefill)) {
    output.notes.push({ profile: stages.prefill, runs: true, reason: 'stageOrder prefill-first' });
    return [stages.prefill];
  }
  const chosen = prefilled?.picked[0];
  if (chosen !== undefined) output.attributes.set(peerEndpoint, chosen);
  return [...ask(stages.encodeDecider, stages.encode, { ...round, chosen }), stages.decode];
}

/** The profile if its decider wants it, and a note of why or why not. */
function ask(
  decider: Named<Decider> | undefined,
  profile: string,
  { cycle, profiles, output, chosen }: Round & { readonly chosen: Endpoint | undefined },
): readonly string[] {
  if (decider === undefined) return DONE;
  const exists = profiles.includes(profile);
  const decision = exists
    ? decider.plugin.decide(cycle, chosen)
    : { disaggregate: false, reason: `there is no profile ${profile}` };
  output.notes.push({
    profile,
    runs: decision.disaggregate,
    decider: decider.name,
    reason: decision.reason,
  });
  return decision.disaggregate ? [profile] : DONE;
}
