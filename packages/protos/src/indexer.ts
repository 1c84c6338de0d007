// SPDX-License-Identifier: Apache-2.0
import { codecOf, type Codec } from './codec.ts';
import { indexer } from './gen/codecs.ts';
import type {
  GetPodScoresRequest,
  GetPodScoresRequestInit,
  GetPodScoresResponse,
  GetPodScoresResponseInit,
} from './gen/messages.ts';

// The generated root carries no types of its own.
const generated = (indexer as unknown as { v1: Record<string, unknown> }).v1;

/** Path of the call that scores pods for a prompt. */
export const getPodScoresPath = '/indexer.v1.IndexerService/GetPodScores';

/** A prompt to score pods for. */
export const getPodScoresRequest: Codec<GetPodScoresRequest, GetPodScoresRequestInit> = codecOf(
  'indexer.v1.GetPodScoresRequest',
  generated['GetPodScoresRequest'],
);

/** The scores of pods. */
export const getPodScoresResponse: Codec<GetPodScoresResponse, GetPodScoresResponseInit> = codecOf(
  'indexer.v1.GetPodScoresResponse',
  generated['GetPodScoresResponse'],
);
