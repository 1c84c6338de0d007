// SPDX-License-Identifier: Apache-2.0
import { startFakeService } from '../fake-service.testing.ts';
import type { LatencyFeatures, PredictedTimes, TrainingSample } from './predictor-wire.ts';

/** llm-d's latency predictor as a small HTTP server: prediction and training sidecar behind one port. */
export interface FakePredictor {
  readonly url: string;
  /** Rows of each call for predictions. */
  readonly calls: readonly (readonly LatencyFeatures[])[];
  /** Samples that it was taught. */
  readonly samples: readonly TrainingSample[];
  /** Looks at its status. */
  readonly looks: number;
  /** While false it answers 503 and says that it is not ready. */
  isReady: boolean;
  close(): Promise<void>;
}

/** Starts a predictor that predicts by `predict`. */
export async function startFakePredictor(
  predict: (row: LatencyFeatures) => PredictedTimes,
): Promise<FakePredictor> {
  const calls: (readonly LatencyFeatures[])[] = [];
  const samples: TrainingSample[] = [];
  let looks = 0;
  const service = await startFakeService(({ method, path, body }) => {
    switch (`${method} ${path}`) {
      case 'GET /status':
        looks++;
        return { body: { is_ready: fake.isReady, model_type: 'xgboost', quantile: 0.9 } };
      case 'POST /predict/bulk/strict': {
        if (!fake.isReady) return { status: 503, body: { detail: 'models not loaded' } };
        const { requests } = body as { requests: readonly LatencyFeatures[] };
        calls.push(requests);
        return { body: answerTo(requests, predict) };
      }
      case 'POST /add_training_data_bulk':
        samples.push(...(body as { entries: readonly TrainingSample[] }).entries);
        return { status: 202, body: { message: 'accepted' } };
      default:
        return { status: 404, body: { detail: 'Not Found' } };
    }
  });
  const fake: FakePredictor = {
    url: service.url,
    calls,
    samples,
    get looks() {
      return looks;
    },
    isReady: true,
    close: () => service.close(),
  };
  return fake;
}

function answerTo(
  requests: readonly LatencyFeatures[],
  predict: (row: LatencyFeatures) => PredictedTimes,
) {
  return {
    predictions: requests.map((row) => {
      const { ttftMs, tpotMs } = predict(row);
      return { ttft_ms: ttftMs, tpot_ms: tpotMs, model_type: 'xgboost', quantile: 0.9 };
    }),
    total_requests: requests.length,
    successful_predictions: requests.length,
    failed_predictions: 0,
    processing_time_ms: 0.5,
  };
}
