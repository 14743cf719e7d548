import { printable } from '../base/text/printable.ts';

/** Text on standard output, ended by a line break. Everything that a verb says goes through here, so that none is raw. */
export function print(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

/** The same on standard error: what is said about the work, rather than what the work gives. */
export function complain(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

/** Begins at the top of an empty screen, of a terminal: the only order that one is given. */
export function clearScreen(): void {
  process.stdout.write('\x1b[H\x1b[2J\x1b[3J');
}
