import type { Clock, Timer } from '@llm-d/determinism';
import { hostPort, type EndpointSource, type FleetEndpoint } from '../engines/endpoint-source.ts';
import { parseMetricsPage } from '../probes/metrics-page.ts';
import type { Setup } from '../subject/setup.ts';
import type { Does } from './misbehaviour.testing.ts';

const SCRAPE_MS = 20;

export interface PickRequest {
  readonly model: string;
  /** The beginning of the prompt; empty for a request that nobody reads. */
  readonly prompt: string;
  readonly subset: string | readonly string[] | undefined;
  /** Value of the header that tests select endpoints with. */
  readonly selection: string | undefined;
}

interface Load {
  waiting: number;
  kvUsage: number;
  adapters: readonly string[];
}

const PREFIX_CHARACTERS = 2000;

/** Chooses endpoints as llm-d's default configuration does, roughly. */
export class ScriptedPicker implements EndpointSource {
  readonly #does: Does;
  readonly #setup: Setup;
  readonly #clock: Clock;
  readonly #loads = new Map<string, Load>();
  readonly #holders = new Map<string, string>();
  /** Requests that an endpoint got, so that equal ones take turns. */
  readonly #turns = new Map<string, number>();
  readonly #abort = new AbortController();
  #endpoints: readonly FleetEndpoint[] = [];
  #timer: Timer | undefined;
  #picks = 0;

  constructor(setup: Setup, does: Does, clock: Clock) {
    this.#setup = setup;
    this.#does = does;
    this.#clock = clock;
    this.#scrapeSoon();
  }

  get size(): number {
    return this.#endpoints.length;
  }

  publish(endpoints: readonly FleetEndpoint[]): Promise<void> {
    if (!this.#does('endpoints stay') || this.#endpoints.length === 0) this.#endpoints = endpoints;
    return Promise.resolve();
  }

  close(): void {
    this.#timer?.cancel();
    this.#abort.abort();
  }

  /** Where the request goes; undefined when there is no place. */
  pick(request: PickRequest): string | undefined {
    const candidates = this.#candidates(request);
    const best = this.#best(candidates.map(hostPort), request);
    if (best === undefined) return undefined;
    this.#turns.set(best, ++this.#picks);
    if (request.prompt !== '') this.#holders.set(prefixOf(request), best);
    return this.#does('sends to strangers') ? '192.0.2.7:80' : best;
  }

  #candidates({ subset, selection }: PickRequest): readonly FleetEndpoint[] {
    const all = this.#endpoints;
    if (this.#setup.id === 'contract' && !this.#does('ignores the selection header')) {
      const selected = (selection ?? '').split(',').map((item) => item.trim());
      return all.filter(
        (one) => selected.includes(one.address) || selected.includes(hostPort(one)),
      );
    }
    if (subset === undefined || this.#does('ignores subsets')) return all;
    if (typeof subset === 'string' && this.#does('subset: lists only')) return all;
    const allowed = typeof subset === 'string' ? subset.split(',') : subset;
    const known = (item: string) => all.some((one) => matches(item, one));
    if (this.#does('subset: no strangers') && !allowed.every(known)) return [];
    const addresses = allowed.map((item) => item.split(':')[0]);
    if (this.#does('subset: addresses only')) {
      return all.filter(({ address }) => addresses.includes(address));
    }
    const needsPort = this.#does('subset: ports needed');
    return all.filter((one) =>
      allowed.some((item) => matches(item, one) && (!needsPort || item.includes(':'))),
    );
  }

  #best(candidates: readonly string[], request: PickRequest): string | undefined {
    if (this.#does('always the first')) return candidates[0];
    if (this.#does('picks at random'))
      return candidates[(this.#picks * 7 + (this.#picks >> 2)) % candidates.length];
    if (this.#does('uneven bursts') && this.#picks % 2 === 0) return candidates[0];
    const holder = request.prompt === '' ? undefined : this.#holders.get(prefixOf(request));
    if (this.#does('sticks to prefixes') && holder !== undefined) return holder;
    const loads = candidates.map((candidate) => this.#load(candidate));
    const longest = Math.max(1, ...loads.map(({ waiting }) => waiting));
    const scores = candidates.map((candidate, i) => {
      const { waiting, kvUsage, adapters } = loads[i] ?? IDLE;
      const queue = 2 * (1 - waiting / longest);
      const cache = 2 * (1 - kvUsage);
      const prefix = candidate === holder ? 3 : 0;
      const adapter = this.#setup.id === 'lora' && adapters.includes(request.model) ? 10 : 0;
      return queue + cache + prefix + adapter;
    });
    const best = Math.max(...scores);
    const equals = candidates.filter((_, i) => scores[i] === best);
    if (this.#does('first of the idle')) return equals[0];
    const lastTurn = (candidate: string) => this.#turns.get(candidate) ?? 0;
    return equals.toSorted((a, b) => lastTurn(a) - lastTurn(b))[0];
  }

  #load(endpoint: string): Load {
    return this.#loads.get(endpoint) ?? IDLE;
  }

  #scrapeSoon(): void {
    if (this.#abort.signal.aborted) return;
    this.#timer = this.#clock.schedule(SCRAPE_MS, () => {
      void Promise.all(this.#endpoints.map((one) => this.#scrape(hostPort(one)))).then(() => {
        this.#scrapeSoon();
      });
    });
  }

  async #scrape(endpoint: string): Promise<void> {
    try {
      const { signal } = this.#abort;
      const text = await (await fetch(`http://${endpoint}/metrics`, { signal })).text();
      const page = parseMetricsPage(text);
      const [, adapters = ''] = /running_lora_adapters="([^"]*)"/.exec(text) ?? [];
      this.#loads.set(endpoint, {
        waiting: page.sum('vllm:num_requests_waiting') ?? 0,
        kvUsage: page.sum('vllm:kv_cache_usage_perc') ?? 0,
        adapters: adapters.split(','),
      });
    } catch {
      // The engine has been stopped.
    }
  }
}

const IDLE: Load = { waiting: 0, kvUsage: 0, adapters: [] };

const prefixOf = ({ prompt }: PickRequest): string => prompt.slice(0, PREFIX_CHARACTERS);

const matches = (item: string, endpoint: FleetEndpoint): boolean =>
  item === endpoint.address || item === hostPort(endpoint);
