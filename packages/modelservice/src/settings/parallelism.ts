// SPDX-License-Identifier: Apache-2.0

/** How an engine is spread, as a ModelService says it. */
export interface ParallelismRequest {
  readonly tensor?: number;
  readonly pipeline?: number;
  readonly data?: number;
  readonly dataLocal?: number;
  readonly workers?: number;
  readonly expert?: boolean;
  readonly rankPorts?: boolean;
}

/** The same with nothing left open. */
export interface Parallelism {
  readonly tensor: number;
  readonly pipeline: number;
  /** Replicas inside an engine. */
  readonly data: number;
  /** Of these, in a pod. */
  readonly dataLocal: number;
  /** Pods of an engine. */
  readonly workers: number;
  readonly expert: boolean;
  /** Whether every replica in a pod has a port of its own. */
  readonly rankPorts: boolean;
  readonly acceleratorsPerPod: number;
}

/** What was left open follows from the rest; the numbers must fit. Zero counts as unset. */
export function settleParallelism(
  request: ParallelismRequest = {},
): { readonly parallelism: Parallelism } | { readonly message: string } {
  const asked = {
    data: request.data,
    dataLocal: request.dataLocal,
    workers: request.workers,
  };
  const data =
    asked.data ??
    (asked.dataLocal !== undefined && asked.workers !== undefined
      ? asked.dataLocal * asked.workers
      : asked.dataLocal) ??
    1;
  const dataLocal = asked.dataLocal ?? (asked.workers === undefined ? data : data / asked.workers);
  const workers = asked.workers ?? data / dataLocal;
  if (!Number.isInteger(dataLocal))
    return { message: `workers (${workers}) must divide data (${data})` };
  if (!Number.isInteger(workers)) {
    return { message: `dataLocal (${dataLocal}) must divide data (${data})` };
  }
  if (dataLocal * workers !== data) {
    return { message: `data (${data}) must be dataLocal (${dataLocal}) x workers (${workers})` };
  }
  const rankPorts = (request.rankPorts ?? workers > 1) && dataLocal > 1;
  if (rankPorts && dataLocal > MAX_RANK_PORTS) {
    return { message: `a pool has at most ${MAX_RANK_PORTS} ports, and dataLocal is ${dataLocal}` };
  }
  const tensor = Math.max(1, request.tensor ?? 1);
  const pipeline = request.pipeline ?? 1;
  const acceleratorsPerPod = dataLocal * tensor * pipeline;
  const expert = request.expert ?? false;
  return {
    parallelism: {
      ...{ tensor, pipeline, data, dataLocal, workers },
      ...{ expert, rankPorts, acceleratorsPerPod },
    },
  };
}

const MAX_RANK_PORTS = 8;
