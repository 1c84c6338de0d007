// SPDX-License-Identifier: Apache-2.0
import { mkdir, statfs, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { obtain, type MakingSteps, type RealPart } from './real-part.ts';

const VERSION = '0.32.0';
/** Newest first of those that its packages are there for and most machines have. */
const PYTHONS = ['python3.12', 'python3.13', 'python3.11', 'python3'];
const TESTDATA = join(import.meta.dirname, 'testdata', 'vllm');
/** What unpacking, and the copy from the temporary folder to the cache, need at the same time. */
const NEEDED_BYTES = 8 * 2 ** 30;
const CHECK_PYTHON =
  'import ensurepip, sys, venv; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed")';

/**
 * vLLM for CPUs in a virtual environment, a tiny model with random weights and a LoRA adapter of it: a folder with `venv`,
 * `model` and `adapter`. Linux on x86-64 with Python 3.11 to 3.13, a C compiler and libnuma. The first time downloads
 * 1 GB of packages and keeps 3 GB.
 */
export function findVllm(): Promise<RealPart> {
  return obtain({ name: `vllm-${VERSION}`, timeoutMs: 1_800_000, make });
}

async function make(work: string, steps: MakingSteps): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('vLLM’s packages for CPUs are for Linux on x86-64');
  }
  const { run } = steps;
  const systemPython = await findPython(steps);
  await run('cc', ['--version']);
  await needSpace();
  const made = join(work, 'made');
  const venv = join(made, 'venv');
  await run(systemPython, ['-m', 'venv', venv]);
  process.stderr.write('vLLM: 1 GB to download, 3 GB on disk\n');
  const python = join(venv, 'bin', 'python');
  await installPackages(python, steps);
  await run(python, [join(TESTDATA, 'make_tiny_model.py'), join(TESTDATA, 'tiny-model'), made]);
  // Loads what a server loads, so that what is missing here is found now.
  await run(python, ['-c', 'import vllm.entrypoints.cli.main, vllm.platforms.cpu']);
  return made;
}

async function needSpace(): Promise<void> {
  for (const folder of [tmpdir(), homedir()]) {
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    if (free < NEEDED_BYTES) {
      throw new Error(
        `vLLM needs 8 GiB in ${folder}, where ${(free / 2 ** 30).toFixed(1)} are free`,
      );
    }
  }
}

async function findPython({ run, signal }: MakingSteps): Promise<string> {
  const problems: string[] = [];
  for (const python of PYTHONS) {
    try {
      await run(python, ['-c', CHECK_PYTHON]);
      return python;
    } catch (error) {
      signal.throwIfAborted();
      problems.push(`${python}: ${lastLine(error)}`);
    }
  }
  throw new Error(`no Python that makes virtual environments: ${problems.join('; ')}`);
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const lastLine = (error: unknown): string => textOf(error).trim().split('\n').at(-1) ?? '';

async function installPackages(python: string, { run }: MakingSteps): Promise<void> {
  const requirements = join(TESTDATA, 'requirements.txt');
  // All that is needed is listed. What torch and vLLM declare beyond it is of use with a GPU only.
  const only = ['--no-deps', '--no-cache-dir', '--no-compile', '--disable-pip-version-check'];
  const patience = ['--quiet', '--retries', '2', '--timeout', '30'];
  const install = ['-m', 'pip', 'install', ...only, ...patience, '-r', requirements];
  await run(python, install).catch((cause: unknown) => {
    // What pip says last without a network is that there is no such package.
    const connection = /Failed to (?:establish|resolve)[^'"]*|timed out/i.exec(textOf(cause))?.[0];
    throw new Error(`vLLM’s packages cannot be had: ${connection ?? lastLine(cause)}`, { cause });
  });
  const paths = await run(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']);
  const sitePackages = paths.trim();
  await run(python, [join(TESTDATA, 'stub_cuda_libraries.py'), sitePackages]);
  await nameDistribution(sitePackages);
  // Files get other times on their way to the cache; a few of the packages' templates are no Python.
  const compiling = ['compileall', '-q', '-j', '0', '--invalidation-mode', 'unchecked-hash'];
  await run(python, ['-m', ...compiling, sitePackages]).catch(() => undefined);
}

/** The package for CPUs has another name than the one under which it looks for its own version. */
async function nameDistribution(sitePackages: string): Promise<void> {
  const folder = join(sitePackages, `vllm-${VERSION}+cpu.dist-info`);
  await mkdir(folder);
  const metadata = `Metadata-Version: 2.1\nName: vllm\nVersion: ${VERSION}+cpu\n`;
  await writeFile(join(folder, 'METADATA'), metadata);
  await writeFile(join(folder, 'RECORD'), '');
}
