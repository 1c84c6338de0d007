// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';

/** Clock ticks in a second in /proc; a constant of Linux' interface on every platform that Node runs on. */
const TICKS_PER_SECOND = 100;
const MS_PER_TICK = 1000 / TICKS_PER_SECOND;

/** User and system time, in ms, that a `/proc/<pid>/stat` line accounts to the process with all its threads. */
export function cpuMsOfStat(stat: string): number {
  // The command's name stands in brackets and may itself hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** Time, in ms, that all cores together spent on anything but waiting, by `/proc/stat`. */
export function busyMsOfMachine(stat: string): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = stat
    .slice(0, stat.indexOf('\n'))
    .split(/\s+/)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * MS_PER_TICK;
}

/** Resident memory, in MB (10⁶ bytes), that a `/proc/<pid>/status` text tells. */
export function residentMbOfStatus(status: string): number {
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6;
}

/** CPU time, in ms, that a process has used so far. */
export const cpuMsOf = (pid: number): number =>
  cpuMsOfStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));

/** CPU time, in ms, that the machine has used so far. */
export const machineBusyMs = (): number => busyMsOfMachine(readFileSync('/proc/stat', 'utf8'));

/** Resident memory of a process, in MB. */
export const residentMbOf = (pid: number): number =>
  residentMbOfStatus(readFileSync(`/proc/${pid}/status`, 'utf8'));
