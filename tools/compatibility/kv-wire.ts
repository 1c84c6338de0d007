// What the KV event path shares with llm-d, vLLM and SGLang, each with the tests that hold it.

export interface KvWireRow {
  /** What has to be the same. */
  readonly what: string;
  readonly here: string;
  /** Where it is tested: a file from the root, and words of a test's name in it. */
  readonly tests: readonly { readonly file: string; readonly name: string }[];
}

const PRODUCER = 'packages/endpoint-picker/src/producers/precise-prefix-cache-producer';
const ZMQ = 'packages/kv-events/src/zmq';
const UPSTREAM = 'packages/kv-index/src/redis/upstream/upstream.test.ts';

export const kvWire: readonly KvWireRow[] = [
  {
    what: 'ZMQ PUB of vLLM, three frames',
    here: 'vLLM 0.19.1 and 0.32 as captured',
    tests: [{ file: `${ZMQ}/follow-engine.test.ts`, name: 'is understood, replayed and live' }],
  },
  {
    what: 'ROUTER replay, with and without the topic in its frames',
    here: 'both, told apart by their number of frames; asked again until nothing is missing',
    tests: [
      { file: `${ZMQ}/follow-engine.test.ts`, name: 'gives what was published before it' },
      {
        file: `${ZMQ}/follow-engine.test.ts`,
        name: 'by a replay itself are asked for again, until none is missing',
      },
    ],
  },
  {
    what: 'events as arrays and as maps, hashes as integers of either sign and as bytes, SGLang’s',
    here: 'all; unknown fields are passed over, an event that makes no sense does not take its batch with it',
    tests: [
      {
        file: 'packages/kv-index/src/kv-event-decoder.test.ts',
        name: 'is decoded as its other reader decoded it',
      },
      {
        file: 'packages/kv-index/src/kv-event-decoder.test.ts',
        name: 'a batch that is a map, with fields in any order and unknown ones',
      },
    ],
  },
  {
    what: 'topic `kv@<pod>@<model>`',
    here: 'split at the first two `@`, so that a model may have one; an endpoint’s own address goes before the topic’s',
    tests: [{ file: `${ZMQ}/addresses.test.ts`, name: '%j names pod %j and model %j' }],
  },
  {
    what: 'ports of data-parallel ranks',
    here: 'base plus rank, for events and replays',
    tests: [
      {
        file: `${PRODUCER}/precise-prefix-cache-producer.test.ts`,
        name: 'are listened to at the ports of their rank',
      },
    ],
  },
  {
    what: 'parameters of `precise-prefix-cache-producer` and their defaults',
    here: 'all, deprecated names with a warning; both published configurations start unchanged',
    tests: [
      {
        file: `${PRODUCER}/published-decisions.test.ts`,
        name: 'the published configuration %s sends a prompt to the engine that has reported its blocks',
      },
      {
        file: `${PRODUCER}/published-decisions.test.ts`,
        name: 'what older configurations have is warned of, and what is unknown is refused with its place',
      },
    ],
  },
  {
    what: 'names and texts of metrics',
    here: 'llm-d’s, under both generations of names where it has two',
    tests: [
      {
        file: 'packages/kv-events/src/kv-event-metrics.test.ts',
        name: 'names and texts of llm-d are its own',
      },
      {
        file: `${PRODUCER}/precise-prefix-cache-producer.test.ts`,
        name: 'is measured as llm-d measures it',
      },
    ],
  },
  {
    what: 'request keys, `cbor-fnv` and `xxh64`',
    here: 'bit for bit',
    tests: [{ file: 'packages/kv-index/src/request-key-hasher.test.ts', name: '$algorithm $name' }],
  },
  {
    what: 'keys and fields in Redis, to share one with llm-d’s endpoint pickers',
    here: 'the same strings; a cluster is refused, as llm-d’s scripts name several slots',
    tests: [
      { file: UPSTREAM, name: 'blocks are written as llm-d writes them, and taken out again' },
      { file: UPSTREAM, name: "rows written by llm-d's endpoint pickers are found" },
    ],
  },
  {
    what: '`/v1/completions/render` and `/v1/chat/completions/render`',
    here: 'asked by token-producer and kv-indexer; served by inference-sim',
    tests: [
      {
        file: 'packages/endpoint-picker/src/producers/token-producer/token-producer.test.ts',
        name: 'renders a conversation, its body as it came but for the model',
      },
      {
        file: 'apps/inference-sim/src/rendered-prompt.test.ts',
        name: 'a chat is rendered to the tokens that its answer is computed from',
      },
    ],
  },
  {
    what: '`indexer.v1.IndexerService.GetPodScores`',
    here: 'served by kv-indexer over gRPC',
    tests: [
      {
        file: 'apps/kv-indexer/src/grpc/indexer-service.test.ts',
        name: 'indexer.v1 scores all pods, or those that are named',
      },
    ],
  },
  {
    what: '`/score_completions`, `/score_chat_completions`; Dynamo’s `/query`, `/query_by_hash`, `/dump`, `/workers`',
    here: 'served by kv-indexer over HTTP',
    tests: [
      {
        file: 'apps/kv-indexer/src/http/queries.test.ts',
        name: 'completions are scored by the weights of tiers, a pod by its best rank',
      },
      {
        file: 'apps/kv-indexer/src/http/queries.test.ts',
        name: 'overlap by tokens and by hashes has the shape of Dynamo’s indexer',
      },
    ],
  },
];
