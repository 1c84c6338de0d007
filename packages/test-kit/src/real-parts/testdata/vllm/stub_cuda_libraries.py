# SPDX-License-Identifier: Apache-2.0
"""Lets the CUDA build of torch, the only one in the package index, run on a machine without CUDA and without 2.7 GB of NVIDIA's libraries:
writes libraries of their names in which every function says that there is no device.

usage: stub_cuda_libraries.py SITE_PACKAGES      Needs a C compiler, nm and readelf. Prints what it wrote.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

# The driver's own library is loaded by torch only once a device was found.
LIBRARY = re.compile(r"NEEDED.*\[(lib(?:cu(?!da\.so)|nccl|nvrtc|nvshmem)[^\]]*)\]")
SYMBOL = re.compile(r"(?:__cuda|cu|nccl|nvrtc|nvshmem)|_Z\w*nvshmem")
# Called while torch is loaded, or for the text of an error.
HANDLE = re.compile(r"RegisterFatBinary$")
NOTHING = re.compile(r"^__cuda|GetLastError$|PeekAtLastError$")
TEXT = re.compile(r"(?:Error|Status|Result|Last)(?:String|Name)$|GetErrorString$|GetResultString$")

FUNCTIONS = "libcuda_stand_in.so"
NO_DEVICE = 100
SOURCE = """
static void *handles[8];
void *stub_handle(void) { return handles; }
const char *stub_text(void) { return "no CUDA device: this library is a stand-in"; }
int stub_nothing(void) { return 0; }
int stub_refusal(void) { return %d; }
""" % NO_DEVICE


def output_of(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def symbols(library: pathlib.Path, which: str) -> set[str]:
    lines = output_of("nm", "--dynamic", which, str(library)).splitlines()
    return {line.split()[-1].partition("@")[0] for line in lines if line.strip()}


def stand_in(symbol: str) -> str:
    for pattern, function in ((HANDLE, "stub_handle"), (TEXT, "stub_text"), (NOTHING, "stub_nothing")):
        if pattern.search(symbol):
            return function
    return "stub_refusal"


def compile_library(folder: pathlib.Path, name: str, *arguments: str) -> None:
    flags = ["-shared", "-fPIC", f"-Wl,-soname,{name}", "-Wl,-rpath,$ORIGIN"]
    subprocess.run(["cc", *flags, "-o", str(folder / name), *arguments], check=True)


def main(site_packages: pathlib.Path) -> None:
    folder = site_packages / "torch" / "lib"
    libraries = [file for file in folder.glob("lib*.so*") if file.is_file()]
    users = libraries + [*site_packages.glob("torchaudio/lib/*.so"), *site_packages.glob("torchvision/*.so")]
    present = {file.name for file in libraries}
    missing = {name for file in libraries for name in LIBRARY.findall(output_of("readelf", "--wide", "--dynamic", str(file)))} - present
    defined = {name for file in libraries for name in symbols(file, "--defined-only")}
    wanted = {name for file in users for name in symbols(file, "--undefined-only")} - defined
    stubs = sorted(name for name in wanted if SYMBOL.match(name))
    aliases = [f'int {name}(void) __attribute__((alias("{stand_in(name)}")));' for name in stubs]
    with tempfile.TemporaryDirectory() as temporary:
        source = pathlib.Path(temporary) / "stubs.c"
        source.write_text(SOURCE + "\n".join(aliases) + "\n")
        compile_library(folder, FUNCTIONS, str(source), "-w", "-fno-builtin")
    # Users name the library and version that a function is of; one without versions of another name satisfies all of them.
    for name in sorted(missing):
        compile_library(folder, name, "-Wl,--no-as-needed", str(folder / FUNCTIONS))
    print(f"{len(missing)} libraries with {len(stubs)} functions")


main(pathlib.Path(sys.argv[1]))
