/** Where the main job tells its story: lines that stay and, on a terminal, one status line that is rewritten in place. */
export type Screen = Readonly<{
  line(text?: string): void;
  /** What is going on now. Elsewhere than on a terminal a new status is a line of its own. */
  status(text: string): void;
  /** Takes the status line away. */
  clear(): void;
}>;

type Output = Pick<NodeJS.WriteStream, 'write'> & { isTTY?: boolean; columns?: number };

export function openScreen(output: Output): Screen {
  const terminal = output.isTTY === true;
  let shown = '';
  const erase = () => {
    if (terminal && shown !== '') output.write('\r\u001b[2K');
    if (terminal) shown = '';
  };
  return {
    line(text = '') {
      erase();
      output.write(`${text}\n`);
    },
    status(text) {
      if (text === shown) return;
      erase();
      // Cut to the width: a wrapped line cannot be rewritten in place.
      output.write(terminal ? text.slice(0, (output.columns ?? 80) - 1) : `${text}\n`);
      shown = text;
    },
    clear: erase,
  };
}
