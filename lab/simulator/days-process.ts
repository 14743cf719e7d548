/** A process of spread.ts: runs the days that it is given, one piece after another, and says what they came to. */
import { type Days, runDays } from './run.ts';

process.on('message', (days: Days) => {
  const lines: string[] = [];
  void runDays(days, (line) => lines.push(line)).then((sum) => process.send?.({ lines, sum }));
});
process.once('disconnect', () => process.exit());
