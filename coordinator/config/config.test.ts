import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { type ConfigSources, parseConfig } from './config.ts';
import { parseTrackPolicy } from './policy.ts';
import { knowledgeBySample } from './track-knowledge.ts';

const minimal = 'federation: herd\ndataDirectory: data\nmasterKey: { environment: HERD_KEY }\n';

function parse(text: string, rest: Omit<ConfigSources, 'file'> = {}) {
  return parseConfig({ ...rest, file: { path: '/etc/testudo/coordinator.yaml', text } });
}

function problemsOf(result: ReturnType<typeof parse> | ReturnType<typeof parseTrackPolicy>): string {
  return result.ok ? '' : result.fault.message;
}

describe('parseConfig', () => {
  it('fills in defaults, makes paths absolute beside the file, and freezes all of it', () => {
    const parsed = parse(minimal);
    if (!parsed.ok) throw new Error(parsed.fault.message);
    expect(parsed.value).toMatchObject({
      federation: 'herd',
      dataDirectory: '/etc/testudo/data',
      listen: { health: '127.0.0.1:7443' },
      masterKey: { kind: 'environment', variable: 'HERD_KEY' },
      redis: null,
    });
    expect(() => Object.assign(parsed.value.listen, { health: 'x' })).toThrow(TypeError);
  });

  it('lets --set win over the environment and that over the file', () => {
    const environment = { TESTUDO_LISTEN_HEALTH: '127.0.0.1:2', TESTUDO_DRAIN_SECONDS: '3', TESTUDO_LOG_LEVEL: 'warn' };
    const parsed = parse(`${minimal}listen: { health: "127.0.0.1:1", federation: "127.0.0.1:9" }\n`, {
      environment,
      settings: ['log.level=error'],
    });
    expect(parsed).toMatchObject({
      ok: true,
      value: {
        listen: { health: '127.0.0.1:2', federation: '127.0.0.1:9' },
        drainSeconds: 3,
        log: { level: 'error' },
      },
    });
  });

  it('reports every problem together', () => {
    const message = problemsOf(
      parse(
        'federation: HERD\ndataDirectory: d\nmasterKey: { file: a, environment: b }\nlisten: { health: 1 }\nspeed: 9\n',
        {
          settings: ['nonsense'],
        },
      ),
    );
    for (const part of ['federation', 'masterKey', 'listen.health', 'speed', '--set nonsense']) {
      expect(message).toContain(part);
    }
  });

  it.each([
    ['postgres://herd@127.0.0.1/truth', '', ''],
    ['postgres://herd@db-1,db-2:5433/truth', '', 'wants tls'],
    ['postgres://herd@db-1/truth', 'tls: {}', ''],
    ['postgres://herd@db-1/truth', 'unprotected: true', ''],
    ['postgres://herd:secret@127.0.0.1/truth', '', 'without a password'],
  ])('lets a database be at %s, or says what is missing: %s', (address, more, missing) => {
    const text = `${minimal}journal: { postgres: { address: "${address}"${more === '' ? '' : `, ${more}`} } }\n`;
    const problems = problemsOf(parse(text));
    if (missing === '') expect(problems).toBe('');
    else expect(problems).toContain(missing);
    expect(problems).not.toContain('secret');
  });

  it('takes an aggregation itself after ten seconds, after as many as it is told, or never', () => {
    const afterOf = (text: string) => {
      const parsed = parse(`${minimal}${text}`);
      return parsed.ok ? parsed.value.workers.fallbackAfterSeconds : problemsOf(parsed);
    };
    expect(afterOf('')).toBe(10);
    expect(afterOf('workers: { fallbackAfterSeconds: 90 }\n')).toBe(90);
    expect(afterOf('workers: { fallbackAfterSeconds: never }\n')).toBe('never');
    expect(afterOf('workers: { fallbackAfterSeconds: 0 }\n')).toContain('workers.fallbackAfterSeconds');
  });

  it('takes where the password of the database lies from the file, and the address from the environment', () => {
    const text = `${minimal}journal: { postgres: { password: { file: ./pw } } }\n`;
    const environment = { TESTUDO_JOURNAL_POSTGRES_ADDRESS: 'postgres://herd@127.0.0.1/truth' };
    const parsed = parseConfig({ file: { path: '/etc/testudo/coordinator.yaml', text }, environment });
    expect(parsed.ok && parsed.value.journal.postgres).toEqual({
      address: 'postgres://herd@127.0.0.1/truth',
      password: { kind: 'file', path: '/etc/testudo/pw' },
      schema: 'testudo',
      unprotected: false,
      synchronous: 'optional',
      outageSeconds: 30,
      leaseSeconds: 4,
    });
  });

  it.each([
    ['http://127.0.0.1:9000', '', ''],
    ['https://objects.example.org', '', ''],
    ['http://objects.example.org', '', 'wants https://'],
    ['http://objects.example.org', 'unprotected: true', ''],
    ['https://name:secret@objects.example.org', '', 'without a path, a name or a password'],
    ['https://objects.example.org/bucket', '', 'without a path, a name or a password'],
    ['https://objects.example.org', 'prefix: herd', 'folders that end with "/"'],
    ['https://objects.example.org', 'bucket: Herd', 'expected 3 to 63'],
  ])('lets blobs lie at %s (%s), or says what is wrong: %s', (endpoint, more, missing) => {
    const bucket = more.startsWith('bucket') ? more : `bucket: testudo${more === '' ? '' : `, ${more}`}`;
    const credentials = 'credentials: { accessKeyId: { file: ./id }, secretAccessKey: { environment: S3_KEY } }';
    const problems = problemsOf(
      parse(`${minimal}blobs: { s3: { endpoint: "${endpoint}", ${bucket}, ${credentials} } }\n`),
    );
    if (missing === '') expect(problems).toBe('');
    else expect(problems).toContain(missing);
    expect(problems).not.toContain('secret@');
  });

  it('takes where the keys of the bucket lie from the file, and where the bucket is from the environment', () => {
    const credentials = '{ accessKeyId: { file: ./id }, secretAccessKey: { environment: S3_KEY } }';
    const environment = { TESTUDO_BLOBS_S3_ENDPOINT: 'https://objects.example.org', TESTUDO_BLOBS_S3_BUCKET: 'herd' };
    const text = `${minimal}blobs: { s3: { credentials: ${credentials} } }\n`;
    const parsed = parseConfig({ file: { path: '/etc/testudo/coordinator.yaml', text }, environment });
    expect(parsed.ok && parsed.value.blobs.s3).toEqual({
      endpoint: 'https://objects.example.org',
      bucket: 'herd',
      region: 'us-east-1',
      prefix: '',
      pathStyle: true,
      credentials: {
        accessKeyId: { kind: 'file', path: '/etc/testudo/id' },
        secretAccessKey: { kind: 'environment', variable: 'S3_KEY' },
      },
      unprotected: false,
      patienceSeconds: 20,
      cacheMiB: 4_096,
    });
  });

  it.each([
    ['redis://127.0.0.1:6379', ''],
    ['redis://localhost', ''],
    ['redis://[::1]:6379', ''],
    ['redis://10.0.0.7:6379', 'a password and TLS'],
    ['redis://:secret@redis.example.org', 'TLS'],
    ['rediss://redis.example.org', 'a password'],
    ['redis://127.0.0.1.example.org', 'a password and TLS'],
    ['rediss://:secret@redis.example.org', ''],
  ])('lets Redis be at %s, or asks for a lock', (url, missing) => {
    const problems = problemsOf(parse(`${minimal}redis: { url: "${url}" }\n`));
    if (missing === '') expect(problems).toBe('');
    else expect(problems).toContain(`wants ${missing}`);
    expect(problems).not.toContain('secret');
    expect(parse(`${minimal}redis: { url: "${url}", unprotected: true }\n`).ok).toBe(true);
  });

  it('takes an authority for a Redis that speaks TLS, beside the file, and for no other', () => {
    const redisAt = (url: string) => parse(`${minimal}redis: { url: "${url}", tls: { ca: ./redis-ca.pem } }\n`);
    expect(unwrap(redisAt('rediss://:secret@redis.example.org')).redis?.tls).toEqual({
      ca: '/etc/testudo/redis-ca.pem',
    });
    expect(problemsOf(redisAt('redis://127.0.0.1'))).toContain('redis.tls is for TLS: write rediss:// in redis.url');
  });

  it.each([
    ['redis://mymaster', '127.0.0.1:26379', ''],
    ['redis://my_master.1/2', '[::1]:26379', ''],
    ['rediss://:secret@mymaster', 'sentinel.example.org:26379', ''],
    ['redis://mymaster', 'sentinel.example.org:26379', 'wants a password and TLS'],
    ['redis://mymaster:6379', '127.0.0.1:26379', 'is the name of the primary and has no port'],
    ['redis:///0', '127.0.0.1:26379', 'is the name of the primary'],
    ['redis://mymaster/x', '127.0.0.1:26379', 'is the name of the primary'],
    ['redis://mymaster', 'sentinel.example.org', 'host:port'],
  ])('lets Sentinels say where %s is, asked at %s, or says what is wrong', (url, sentinel, wrong) => {
    const problems = problemsOf(parse(`${minimal}redis: { url: "${url}", sentinels: ["${sentinel}"] }\n`));
    if (wrong === '') expect(problems).toBe('');
    else expect(problems).toContain(wrong);
    expect(problems).not.toContain('secret');
  });

  it.each([
    ['listen: { dashboard: "127.0.0.1:1" }', true],
    ['listen: { dashboard: "0.0.0.0:1" }', false],
    ['listen: { dashboard: "0.0.0.0:1" }\ndashboard: { url: "http://pages.example" }', false],
    ['listen: { dashboard: "0.0.0.0:1" }\ndashboard: { url: "https://pages.example" }', true],
    ['listen: { dashboard: "0.0.0.0:1" }\ndashboard: { tls: { certificate: a, key: b } }', true],
  ])('lets the dashboard leave this machine over TLS alone: %s', (text, legal) => {
    const problems = problemsOf(parse(`${minimal}${text}\n`));
    if (legal) expect(problems).toBe('');
    else expect(problems).toContain('off this machine it wants dashboard.tls');
  });

  it('sends nobody to an identity provider without an address to come back to', () => {
    const oidc = 'dashboard: { oidc: { issuer: "https://id.example", clientId: a, roles: { viewer: [soc] } } }\n';
    expect(problemsOf(parse(`${minimal}${oidc}`))).toContain('dashboard.oidc needs dashboard.url');
    const url = 'dashboard.url=https://pages.example';
    expect(parse(`${minimal}${oidc}`, { settings: [url] })).toMatchObject({
      ok: true,
      value: { dashboard: { oidc: { roleClaim: 'groups', roles: { viewer: ['soc'], admin: [] } } } },
    });
  });

  it('refuses settings that contradict one another', () => {
    const text = `federation: herd\ndataDirectory: /d\nmasterKey: { file: /d/master.key }
listen: { enrolment: "0.0.0.0:1", federation: "0.0.0.0:1" }
uploads: { atOnceMax: 1, perClusterMax: 2 }
tracks: [{ id: a, spec: s, model: m, policy: p }, { id: a, spec: s, model: m, policy: p }]\n`;
    const message = problemsOf(parse(text));
    for (const part of ['same port 1', 'perClusterMax 2 is above', 'lies in dataDirectory', 'a is listed twice']) {
      expect(message).toContain(part);
    }
  });

  it('survives keys that name the prototype', () => {
    expect(parse(minimal, { settings: ['__proto__.polluted=1', 'constructor.prototype.polluted=1'] }).ok).toBe(false);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('parseTrackPolicy', () => {
  it('fills in a policy from f alone', () => {
    const parsed = parseTrackPolicy('aggregation: { f: 2 }');
    expect(parsed).toMatchObject({
      ok: true,
      value: { aggregation: { f: 2, rule: { kind: 'multiKrum' } }, optimiser: { kind: 'plain' }, schedule: null },
    });
  });

  it('takes what a track knows for its defaults, and leaves what was journalled before as it is', () => {
    const byClass = parseTrackPolicy('aggregation: { f: 2 }', { classes: true });
    expect(byClass).toMatchObject({ value: { aggregation: { rule: { kind: 'declaredHolders' }, before: [] } } });
    const before = parseTrackPolicy('aggregation: { f: 2 }');
    if (!before.ok) throw new Error(before.fault.message);
    expect(parseTrackPolicy(JSON.stringify(before.value), { classes: true })).toEqual(before);
    expect(before.value).not.toHaveProperty('sample');
    expect(before.value).not.toHaveProperty('history');
  });

  it('takes a sample for its default where it names no rule, mixes it in as far as it covers, and leaves what was stored before as it is', () => {
    const knows = { classes: false, sample: true, covered: 0.5 };
    const open = parseTrackPolicy('aggregation: { f: 2 }', knows);
    const weighed = { f: 2, before: [], rule: { kind: 'trustedWeights', tellApart: true } };
    expect(open).toMatchObject({ value: { aggregation: weighed, sample: { mix: 0.25 } } });
    expect(parseTrackPolicy('aggregation: { f: 2 }\nsample: {}', knows)).toMatchObject({
      value: { aggregation: weighed, sample: { mix: 0 } },
    });
    for (const named of ['rule: { kind: coordinateMedian }', 'before: []', 'before: [], rule: { kind: krum }']) {
      const text = `aggregation: { f: 1, ${named} }`;
      expect(parseTrackPolicy(text, knows)).toEqual(parseTrackPolicy(text));
    }
    const stored = parseTrackPolicy('aggregation: { f: 2 }');
    if (!stored.ok) throw new Error(stored.fault.message);
    expect(parseTrackPolicy(JSON.stringify(stored.value), knows)).toEqual(stored);
    const byClass = parseTrackPolicy('aggregation: { f: 2 }', { classes: true });
    expect(parseTrackPolicy('aggregation: { f: 2 }', { ...knows, classes: true })).toEqual(byClass);
  });

  it('takes the sample that it names for its default, where that is not the newest', () => {
    const spec = { architecture: 'syscall-lstm-lm/1', hyperparameters: {}, tensors: [] };
    const digests = ['a', 'b', 'c'].map((digit) => `sha256:${digit.repeat(64)}`);
    const sample = (at: number, normalCount: number) => {
      return { digest: digests[at] as string, classes: [{ name: 'web', normalCount }] };
    };
    const knows = knowledgeBySample(spec, [sample(0, 3), sample(1, 0)]);
    const ruleOf = (more: string) =>
      unwrap(parseTrackPolicy(`aggregation: { f: 2 }\n${more}`, knows)).aggregation.rule.kind;
    expect(ruleOf('')).toBe('multiKrum');
    expect(ruleOf(`sample: { digest: "${digests[0]}" }`)).toBe('trustedWeights');
    expect(ruleOf(`sample: { digest: "${digests[2]}" }`)).toBe('multiKrum');
  });

  it('reads back what it wrote', () => {
    const once = parseTrackPolicy('aggregation: { f: 1 }\nschedule: { cron: "0 3 * * *", timeZone: Europe/Stockholm }');
    if (!once.ok) throw new Error(once.fault.message);
    expect(parseTrackPolicy(JSON.stringify(once.value))).toEqual(once);
  });

  it('refuses a quorum below 2f + 3, and takes one that is exactly that', () => {
    const policy = (quorum: number) =>
      `aggregation: { f: 3, before: [], rule: { kind: krum } }\nrounds: { quorum: { kind: count, updates: ${quorum} } }`;
    expect(problemsOf(parseTrackPolicy(policy(8)))).toContain('at least 9');
    expect(parseTrackPolicy(policy(9)).ok).toBe(true);
  });

  it('refuses noise, aliases that grow, unknown settings and sizes beyond its own', () => {
    for (const text of [
      '',
      '[',
      'aggregation: { f: -1 }',
      'aggregation: { f: 1, rule: { kind: best } }',
      'aggregation: { f: 1 }\nspeed: 1',
      'a: &a [1,1]\naggregation: { f: 1, before: [*a, *a] }',
      `aggregation: { f: 1 } #${'x'.repeat(70_000)}`,
    ]) {
      expect(parseTrackPolicy(text), text.slice(0, 60)).toMatchObject({ ok: false, fault: { code: 'POLICY_INVALID' } });
    }
  });
});
