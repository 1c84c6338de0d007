// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { downloadModule } from './kubernetes/go-module.ts';
import { obtain, type RealPart } from './real-part.ts';

/** The one version of Istio's control plane that its Go module is published at. */
const ISTIO_VERSION = '0.0.0-20260827124520-eed52ebb66ad';
const ISTIO = `istio.io/istio@v${ISTIO_VERSION}`;
const PROGRAM = 'istio.io/istio/pilot/cmd/pilot-discovery';

/** Some of what it asks for is not published at the version that it asks for; these are, and are newer. */
const published = [
  'istio.io/api@v1.31.1',
  'istio.io/client-go@v1.31.1',
  'github.com/envoyproxy/go-control-plane/envoy@v1.39.0',
  'github.com/envoyproxy/go-control-plane/contrib@v1.36.1-0.20260729145720-a2d8c7492908',
];

/** From empty caches it takes 20 minutes on a busy machine with two cores. */
const BUILD_TIMEOUT_MS = 60 * 60_000;
const goEnv = { CGO_ENABLED: '0', GOFLAGS: '-mod=mod -buildvcs=false' };

/** Istio's control plane `pilot-discovery`, built from its Go module: many minutes the first time. */
export const findPilotDiscovery = (): Promise<RealPart> =>
  obtain({
    name: `istio-pilot-${ISTIO_VERSION}`,
    timeoutMs: BUILD_TIMEOUT_MS,
    make: async (work, { run }) => {
      await writeFile(join(work, 'go.mod'), 'module istio.local\n\ngo 1.26.0\n');
      const modules = [`${PROGRAM}@v${ISTIO_VERSION}`, ...published];
      await run('nice', ['-n', '19', 'go', 'get', '-tool', ...modules], { env: goEnv });
      const flags = ['-p', '2', '-trimpath', '-ldflags', '-s -w'];
      await run('nice', ['-n', '19', 'go', 'build', ...flags, '-o', 'pilot-discovery', PROGRAM], {
        env: goEnv,
      });
      return join(work, 'pilot-discovery');
    },
  });

/** Istio's own CustomResourceDefinitions, such as DestinationRule. The path is a folder for `readCrds`. */
export const findIstioCrds = (): Promise<RealPart> =>
  obtain({
    name: `crds-istio-${ISTIO_VERSION}`,
    timeoutMs: 300_000,
    make: async (work, steps) => {
      const { folder } = await downloadModule(ISTIO, steps);
      const kept = join(work, 'crds');
      await mkdir(kept);
      const file = 'manifests/charts/base/files/crd-all.gen.yaml';
      // Written anew: files of the module cache are read-only.
      await writeFile(join(kept, 'crd-all.yaml'), await readFile(join(folder, file)));
      return kept;
    },
  });
