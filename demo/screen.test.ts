import { describe, expect, it } from 'vitest';
import { openScreen } from './screen.ts';

function recording(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  return { output: { isTTY, columns, write: (text: string | Uint8Array) => written.push(String(text)) > 0 }, written };
}

describe('openScreen', () => {
  it('rewrites its status in place on a terminal and keeps lines', () => {
    const { output, written } = recording(true, 12);
    const screen = openScreen(output);
    screen.status('round 1 collecting');
    screen.status('round 1 collecting');
    screen.line('done');
    screen.clear();
    expect(written).toEqual(['round 1 col', '\r\u001b[2K', 'done\n']);
  });

  it('writes plain lines where there is no terminal, each status once', () => {
    const { output, written } = recording(false);
    const screen = openScreen(output);
    screen.status('a');
    screen.status('a');
    screen.line('b');
    screen.clear();
    expect(written.join('')).toBe('a\nb\n');
  });
});
