// SPDX-License-Identifier: Apache-2.0
import type { RoleSettings, Settings } from '../settings/settings.ts';
import { argsOf, flag, flagIf, flagsFrom, type Flag } from './flags.ts';
import { podIpEnv, type Container } from './pod.ts';

/** The name of the sidecar's container. */
export const SIDECAR = 'routing-proxy';

/**
 * The routing sidecar of a decode server: a native sidecar, so that it is there before the engine and outlives its
 * draining. It has a port for every rank that is an endpoint of its own.
 */
export function routingSidecarOf(settings: Settings, role: RoleSettings): Container | undefined {
  if (!role.proxied) return undefined;
  const proxy = settings.spec.disaggregation?.proxy;
  const { service } = role.ports;
  return {
    name: SIDECAR,
    image: proxy?.image ?? settings.images.routingSidecar,
    restartPolicy: 'Always',
    args: sidecarFlags(settings, role).flatMap(argsOf),
    env: [podIpEnv('POD_IP')],
    ports: service.map((containerPort, rank) => ({
      name: service.length > 1 ? `proxy-${rank}` : 'proxy',
      containerPort,
      protocol: 'TCP',
    })),
    resources: proxy?.resources ?? { requests: { cpu: '100m', memory: '128Mi' } },
  };
}

function sidecarFlags(settings: Settings, { ports, parallelism }: RoleSettings): readonly Flag[] {
  const { spec, engine } = settings;
  const { proxy, connector } = spec.disaggregation ?? {};
  const usual = engine.type === 'sglang' ? 'sglang' : 'nixlv2';
  const flags = [
    flag('--port', ports.service[0] ?? 0),
    flag('--vllm-port', ports.engine[0] ?? 0),
    flag('--kv-connector', connector ?? usual),
    flag('--secure-proxy', String(proxy?.secure ?? false)),
    ...flagIf(ports.service.length > 1, '--data-parallel-size', parallelism.dataLocal),
  ];
  const extra = flagsFrom(proxy?.flags ?? {});
  return [...flags.filter(({ name }) => !extra.some((other) => other.name === name)), ...extra];
}
