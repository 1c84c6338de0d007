// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { deciderNamed, deciderReferences } from '../deciders-of.ts';
import { createDisaggregationCounter } from '../disaggregation-counter.ts';
import { writeStageHeaders } from '../stage-headers.ts';
import { createStageHandler } from '../stages.ts';
import {
  disaggProfileParameters,
  encodeDeciderOf,
  prefillDeciderOf,
  stageProfilesOf,
} from './disagg-profile-parameters.ts';

const TYPE = 'disagg-profile-handler';

/** Runs encoding, prefill and decoding on endpoints of their own where that is worth it. */
export const disaggProfileHandler = definePlugin({
  type: TYPE,
  summary:
    'Chooses endpoints for decoding and, where deciders want them, for prefill and encoding.',
  stability: 'beta',
  points: ['profile-handler', 'pre-request'],
  parameters: disaggProfileParameters,
  references: (p) => deciderReferences(prefillDeciderOf(p), encodeDeciderOf(p)),
  profileProblem: (p, profiles) => {
    const { decode } = stageProfilesOf(p);
    return profiles.includes(decode) ? undefined : `${TYPE} needs a profile called "${decode}"`;
  },
  create: (p, context) => {
    const profiles = stageProfilesOf(p);
    const count = createDisaggregationCounter(TYPE, context);
    return {
      profileHandler: createStageHandler({
        ...profiles,
        order: p.stageOrder,
        prefillDecider: deciderNamed(prefillDeciderOf(p), context),
        encodeDecider: deciderNamed(encodeDeciderOf(p), context),
      }),
      preRequest: {
        preRequest: ({ request }, { outcomes }, headers) => {
          const prefill = outcomes.get(profiles.prefill)?.picked[0];
          const encoders = outcomes.get(profiles.encode)?.picked ?? [];
          writeStageHeaders(headers, prefill, encoders);
          const stages = { encode: encoders.length > 0, prefill: prefill !== undefined };
          count(request.targetModel, stages);
        },
      },
    };
  },
});
