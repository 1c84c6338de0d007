// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** What a prediction is made from: one endpoint's state and one request, in the predictor's own words. */
export interface LatencyFeatures {
  /** 0 to 1. */
  readonly kv_cache_percentage: number;
  readonly input_token_length: number;
  readonly num_request_waiting: number;
  readonly num_request_running: number;
  readonly num_tokens_generated: number;
  /** Share of the prompt that the endpoint holds, 0 to 1. */
  readonly prefix_cache_score: number;
  readonly encoder_input_size: number;
  /** At most `encoder_input_size`. */
  readonly encoder_matched_size: number;
  /** `prefill` or `decode`; absent where endpoints do both. */
  readonly pod_type?: string;
  readonly prefill_tokens_in_flight: number;
  readonly decode_tokens_in_flight: number;
}

/** What really happened; one of the two times is 0, for not known. */
export interface TrainingSample extends LatencyFeatures {
  readonly actual_ttft_ms: number;
  readonly actual_tpot_ms: number;
  /** RFC 3339. */
  readonly timestamp: string;
}

/** Times that are expected, in milliseconds. */
export interface PredictedTimes {
  readonly ttftMs: number;
  readonly tpotMs: number;
}

export const predictPath = '/predict/bulk/strict';
export const statusPath = '/status';
export const trainingPath = '/add_training_data_bulk';

/** Body of a call to {@link predictPath}. */
export const predictBody = (rows: readonly LatencyFeatures[]): string =>
  JSON.stringify({ requests: rows });

/** Body of a call to {@link trainingPath}. */
export const trainingBody = (samples: readonly TrainingSample[]): string =>
  JSON.stringify({ entries: samples });

const predictions = z.object({
  predictions: z.array(
    z
      .object({ ttft_ms: z.number().min(0), tpot_ms: z.number().min(0) })
      .transform(({ ttft_ms: ttftMs, tpot_ms: tpotMs }): PredictedTimes => ({ ttftMs, tpotMs })),
  ),
  failed_predictions: z.number().default(0),
});

const status = z.object({ is_ready: z.boolean() });

/** An answer of the predictor that is of no use. */
export class PredictorAnswerError extends Error {
  readonly code = 'PREDICTOR_ANSWER';

  constructor(what: string, options?: ErrorOptions) {
    super(`the latency predictor's answer ${what}`, options);
    this.name = 'PredictorAnswerError';
  }
}

/** The predictions of an answer, one for each row. Throws {@link PredictorAnswerError}. */
export function readPredictions(answer: unknown, rows: number): readonly PredictedTimes[] {
  const read = predictions.safeParse(answer);
  if (!read.success) {
    throw new PredictorAnswerError('is not a list of predictions', { cause: read.error });
  }
  const { predictions: times, failed_predictions: failed } = read.data;
  if (failed > 0) throw new PredictorAnswerError(`lacks ${failed} of ${rows} predictions`);
  if (times.length !== rows) {
    throw new PredictorAnswerError(`has ${times.length} predictions for ${rows} rows`);
  }
  return times;
}

/** Whether a prediction server says that it has its models. */
export const isReady = (answer: unknown): boolean =>
  status.safeParse(answer).data?.is_ready === true;
