// SPDX-License-Identifier: Apache-2.0
import type { EngineSettings } from '../settings/settings.ts';
import { envOf, type PodTemplate } from './pod.ts';

const HOME = '/var/cache/engine';

/**
 * Folders that an engine writes to whoever it runs as: its home and every cache in it, and shared memory between its
 * processes. Arbitrary users have no entry in the image's list of users, so USER is set too.
 */
export function writableFoldersPatch(engine: EngineSettings, container: string): PodTemplate {
  const shared = engine.type !== 'simulator';
  return {
    spec: {
      containers: [
        {
          name: container,
          env: envOf({
            HOME,
            USER: 'engine',
            XDG_CACHE_HOME: `${HOME}/cache`,
            XDG_CONFIG_HOME: `${HOME}/config`,
            TRITON_CACHE_DIR: `${HOME}/triton`,
            TORCHINDUCTOR_CACHE_DIR: `${HOME}/inductor`,
            VLLM_CACHE_ROOT: `${HOME}/vllm`,
          }),
          volumeMounts: [
            { name: 'engine-home', mountPath: HOME },
            ...(shared ? [{ name: 'shm', mountPath: '/dev/shm' }] : []),
          ],
        },
      ],
      volumes: [
        { name: 'engine-home', emptyDir: {} },
        ...(shared ? [{ name: 'shm', emptyDir: { medium: 'Memory' } }] : []),
      ],
    },
  };
}
