/** Clock ticks a second in /proc: USER_HZ, which is part of Linux's ABI on every machine of ours. */
const ticksPerSecond = 100;

/**
 * The processor time that a line of /proc/PID/stat tells, user and system together, in seconds: the process's own with all
 * its threads, and that of the children it has waited for, with theirs. proc_pid_stat(5), fields 14 to 17.
 *
 * @param {string} stat
 * @returns {{ ownSeconds: number, childrenSeconds: number }}
 */
export function processorTime(stat) {
  // The second field is the program's name in brackets, and may hold blanks and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15).map(Number);
  return {
    ownSeconds: (user + system) / ticksPerSecond,
    childrenSeconds: (childrenUser + childrenSystem) / ticksPerSecond,
  };
}
