import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import type { Timers } from '../time.ts';

/** Paths of PEM files. `clients`: an authority's; only who has a certificate of it is heard. */
export type TlsPaths = Readonly<{ certificate: string; key: string; clients?: string }>;

export type TlsFilesParts = Readonly<{
  timers: Timers;
  /** Files that cannot be used are said once for each reason; a server goes on with those it has. */
  onFault(message: string): void;
}>;

const renewMs = 60_000;

/** TLS of a server from files that others renew in place, as Kubernetes does those of a secret: read again every minute. */
export class TlsFiles {
  private readonly paths: TlsPaths;
  private readonly parts: TlsFilesParts;
  /** As Node takes them. */
  options: ReturnType<typeof asOptions>;
  private said = '';

  private constructor(paths: TlsPaths, parts: TlsFilesParts, texts: readonly string[]) {
    this.paths = paths;
    this.parts = parts;
    this.options = asOptions(texts);
  }

  /** Rejects with the system's error where a file cannot be read. */
  static async read(paths: TlsPaths, parts: TlsFilesParts): Promise<TlsFiles> {
    return new TlsFiles(paths, parts, await textsOf(paths));
  }

  /** Until the server closes, new connections get what the files say by then. */
  keep(server: Server): void {
    const timer = this.parts.timers.every(renewMs, () => void this.renew(server), { background: true });
    server.once('close', () => this.parts.timers.cancel(timer));
  }

  private async renew(server: Server): Promise<void> {
    try {
      const options = asOptions(await textsOf(this.paths));
      if (JSON.stringify(options) !== JSON.stringify(this.options)) server.setSecureContext(options);
      this.options = options;
      this.said = '';
    } catch (error) {
      // Also a key that is not the certificate's: one of them was read before it was renewed.
      const { message } = error as Error;
      if (message !== this.said) this.parts.onFault(message);
      this.said = message;
    }
  }
}

function textsOf({ certificate, key, clients }: TlsPaths): Promise<readonly string[]> {
  const paths = [certificate, key, ...(clients === undefined ? [] : [clients])];
  return Promise.all(paths.map((path) => readFile(path, 'utf8')));
}

function asOptions([cert, key, ca]: readonly string[]) {
  const own = { cert, key, minVersion: 'TLSv1.2' as const };
  return ca === undefined ? own : { ...own, ca, requestCert: true, rejectUnauthorized: true };
}
