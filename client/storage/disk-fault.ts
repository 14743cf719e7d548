import { type Fault, refuse } from '../../base/fault.ts';

/** For a promise's `catch`: hears of a disk of ours that is full, or fails. What else was thrown is thrown on. */
export function onDiskFault(heard: (fault: Fault) => unknown): (error: unknown) => void {
  return (error) => {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    const why = `${message}; make room in the data directory, or see why its disk fails`;
    heard(refuse('CLIENT_DISK', why, code === undefined ? {} : { code }).fault);
  };
}
