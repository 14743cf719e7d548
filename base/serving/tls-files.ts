import { createPrivateKey, X509Certificate } from 'node:crypto';
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
  readonly #paths: TlsPaths;
  readonly #parts: TlsFilesParts;
  /** As Node takes them. */
  options: ReturnType<typeof asOptions>;
  #said = '';

  private constructor(paths: TlsPaths, parts: TlsFilesParts, texts: readonly string[]) {
    this.#paths = paths;
    this.#parts = parts;
    this.options = asOptions(texts);
  }

  /** Rejects where a file cannot be read, with the system's error, or holds nothing to use. */
  static async read(paths: TlsPaths, parts: TlsFilesParts): Promise<TlsFiles> {
    return new TlsFiles(paths, parts, await textsOf(paths));
  }

  /** Until the server closes, new connections get what the files say by then. */
  keep(server: Server): void {
    const timer = this.#parts.timers.every(renewMs, () => void this.#renew(server), { background: true });
    server.once('close', () => this.#parts.timers.cancel(timer));
  }

  async #renew(server: Server): Promise<void> {
    try {
      const options = asOptions(await textsOf(this.#paths));
      if (JSON.stringify(options) !== JSON.stringify(this.options)) server.setSecureContext(options);
      this.options = options;
      this.#said = '';
    } catch (error) {
      // Also a key that is not the certificate's: one of them was read before it was renewed.
      const { message } = error as Error;
      if (message !== this.#said) this.#parts.onFault(message);
      this.#said = message;
    }
  }
}

async function textsOf({ certificate, key, clients }: TlsPaths): Promise<readonly string[]> {
  const paths = [certificate, key, ...(clients === undefined ? [] : [clients])];
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  for (const [at, text] of texts.entries()) {
    try {
      if (at === 1) createPrivateKey(text);
      else new X509Certificate(text);
    } catch (error) {
      // A context takes it: with an empty authority, one that trusts whom browsers do.
      throw new Error(`${paths[at]} holds no ${at === 1 ? 'key' : 'certificate'} (${(error as Error).message})`);
    }
  }
  return texts;
}

function asOptions([cert, key, ca]: readonly string[]) {
  const own = { cert, key, minVersion: 'TLSv1.2' as const };
  return ca === undefined ? own : { ...own, ca, requestCert: true, rejectUnauthorized: true };
}
