// SPDX-License-Identifier: Apache-2.0
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { obtain, type MakingSteps, type RealPart } from '../real-part.ts';
import { downloadModule } from './go-module.ts';

const KUBERNETES_VERSION = '1.35.4';
/** The etcd that kubeadm of that Kubernetes installs. */
const ETCD_VERSION = '3.6.6';
/** A build from empty caches took 4 minutes on two idle cores; a busy machine may need five times that. */
const BUILD_TIMEOUT_MS = 30 * 60_000;

/** Builds are long and memory-hungry: about 2 GiB with two jobs. */
const goBuild = ['-n', '19', 'go', 'build', '-p', '2', '-trimpath'];
const goEnv = { CGO_ENABLED: '0', GOFLAGS: '-mod=mod -buildvcs=false' };

/** etcd, built from its Go module. */
export const findEtcd = (): Promise<RealPart> =>
  obtain({
    name: `etcd-${ETCD_VERSION}`,
    timeoutMs: BUILD_TIMEOUT_MS,
    make: async (work, { run }) => {
      const program = 'go.etcd.io/etcd/server/v3';
      // `go install` refuses a module with replace directives; a module of our own does not have that module's.
      await writeFile(
        join(work, 'go.mod'),
        `module etcd.local\n\ngo 1.24\n\nrequire ${program} v${ETCD_VERSION}\n`,
      );
      await run('nice', [...goBuild, '-ldflags', '-s -w', '-o', 'etcd', program], { env: goEnv });
      return join(work, 'etcd');
    },
  });

/** The Kubernetes API server, built from its Go module: some minutes the first time. */
export const findKubeApiserver = (): Promise<RealPart> => kubernetesProgram('kube-apiserver');

/** The controllers of Kubernetes, built from their Go module. */
export const findKubeControllerManager = (): Promise<RealPart> =>
  kubernetesProgram('kube-controller-manager');

const kubernetesProgram = (program: string): Promise<RealPart> =>
  obtain({
    name: `${program}-${KUBERNETES_VERSION}`,
    timeoutMs: BUILD_TIMEOUT_MS,
    make: async (work, steps) => {
      await writeKubernetesModule(work, steps);
      const flags = ['-tags', 'selinux,notest,grpcnotrace', '-ldflags', linkerFlags()];
      await steps.run(
        'nice',
        [...goBuild, ...flags, '-o', program, `k8s.io/kubernetes/cmd/${program}`],
        { env: goEnv },
      );
      return join(work, program);
    },
  });

/**
 * `k8s.io/kubernetes` asks for its staging modules at v0.0.0 and replaces them by folders that its zip leaves out. The
 * same code is published as `k8s.io/*` at v0.MINOR.PATCH.
 */
async function writeKubernetesModule(work: string, steps: MakingSteps): Promise<void> {
  const version = `v${KUBERNETES_VERSION}`;
  const module = await downloadModule(`k8s.io/kubernetes@${version}`, steps);
  const published = await readFile(module.goMod, 'utf8');
  const staged = [...published.matchAll(/^\s*(k8s\.io\/[a-z-]+) => \.\/staging\//gm)];
  const replaces = staged.map(([, name = '']) => `\t${name} => ${name} v0.${version.slice(3)}`);
  const toolchain = published.match(/^(go |godebug ).*$/gm) ?? [];
  await writeFile(
    join(work, 'go.mod'),
    [
      'module kubernetes.local',
      ...toolchain,
      `require k8s.io/kubernetes ${version}`,
      'replace (',
      ...replaces,
      ')',
      '',
    ].join('\n'),
  );
  await copyFile(join(module.folder, 'go.sum'), join(work, 'go.sum'));
  await steps.run('chmod', ['u+w', 'go.sum']);
}

/** The version that the source claims by default would be refused by clients that look at it. */
function linkerFlags(): string {
  const [major = '', minor = ''] = KUBERNETES_VERSION.split('.');
  const stamps = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap(
    (path) => [
      `-X ${path}.gitVersion=v${KUBERNETES_VERSION}`,
      `-X ${path}.gitMajor=${major}`,
      `-X ${path}.gitMinor=${minor}`,
      `-X ${path}.gitTreeState=archive`,
      `-X ${path}.gitCommit=unknown`,
      `-X ${path}.buildDate=1970-01-01T00:00:00Z`,
    ],
  );
  return ['-s -w', ...stamps].join(' ');
}
