import type { ServerWritableStream } from '@grpc/grpc-js';
import type { WatchAlertsRequest, WatchAlertsResponse } from '../../proto/generated/testudo/v1/responses.ts';
import type { AlertBook } from './alert-book.ts';

export type AlertWatcher = ServerWritableStream<WatchAlertsRequest, WatchAlertsResponse>;

const alertsMax = 256;
/** Three bytes each at most: well below what a message may have. */
const charactersMax = 256 << 10;

/** What the book holds from the asked place on, then what comes; a slow reader is waited for. Ends with the call. */
export async function serveAlerts(book: AlertBook, call: AlertWatcher): Promise<void> {
  const cancelled = new Promise<void>((resolve) => {
    call.once('cancelled', resolve);
    call.once('error', () => resolve());
  });
  const { run, after } = call.request;
  let sequence = run === book.run ? Number(after) : 0;
  let models: typeof book.models | undefined;
  let isFirst = true;
  while (!call.cancelled && !call.destroyed) {
    const next = book.next();
    const alerts = withinMessage(book.after(sequence, alertsMax));
    const news = book.models === models ? [] : book.models;
    models = book.models;
    sequence = Number(alerts.at(-1)?.sequence ?? sequence);
    const caughtUp = sequence >= book.last || alerts.length === 0;
    if (alerts.length > 0 || news.length > 0 || isFirst) {
      const ready = call.write({ run: book.run, alerts: [...alerts], models: [...news], caughtUp });
      if (!ready) await Promise.race([new Promise((resolve) => call.once('drain', resolve)), cancelled]);
    }
    isFirst = false;
    if (caughtUp) await Promise.race([next, cancelled]);
  }
}

/** As many as one message carries; always one. */
function withinMessage<Told extends { readonly text: string }>(alerts: readonly Told[]): readonly Told[] {
  let characters = 0;
  const end = alerts.findIndex(({ text }, at) => {
    characters += text.length;
    return at > 0 && characters > charactersMax;
  });
  return end === -1 ? alerts : alerts.slice(0, end);
}
