import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress, endpointOf, endpointWithPort, networkOf } from './address.ts';
import { AddressBook } from './address-book.ts';

describe('canonicalAddress', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['[10.0.0.1]', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['::ffff:0a00:0001', '10.0.0.1'],
    ['0:0:0:0:0:ffff:10.0.0.1', '10.0.0.1'],
    ['[::ffff:10.0.0.1]', '10.0.0.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]', 'fe80::1'],
    ['::1', '::1'],
    ['0:0:0:0:0:0:0:0', '::'],
  ])('reads %s as %s', (text, address) => {
    expect(canonicalAddress(text)).toBe(address);
  });

  it.each([
    '',
    '-',
    '10.0.0',
    '010.0.0.1',
    '10.0.0.1:80',
    '10.0.0.1%eth0',
    'shop',
    '[',
    '[]',
    ':::',
    '1:2',
    '::ffff:1.2.3',
    `fe80::1%${'x'.repeat(1_000)}`,
  ])('has none for %j', (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
  });

  it('leaves what it gave as it is, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV6(), fc.ipV4(), fc.string()), (text) => {
        const address = canonicalAddress(text);
        if (address !== undefined) expect(canonicalAddress(address)).toBe(address);
      }),
    );
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(canonicalAddress(`::ffff:${address}`)).toBe(address);
      }),
    );
  });
});

describe('endpointOf', () => {
  it.each([
    ['10.0.0.1:80', '10.0.0.1', true, 80],
    ['10.0.0.1', '10.0.0.1', true, 0],
    ['[2001:db8::1]:443', '2001:db8::1', true, 443],
    ['2001:db8::1', '2001:db8::1', true, 0],
    ['[::ffff:10.0.0.1]:8080', '10.0.0.1', true, 8080],
    ['[fe80::1%eth0]:80', 'fe80::1', true, 80],
    ['tcp://10.0.2.1:80', '10.0.2.1', true, 80],
    ['http://10.0.2.1:8080', '10.0.2.1', true, 8080],
    ['https://[2001:db8::2]:8443/x', '2001:db8::2', true, 8443],
    ['envoy://connect_originate/10.244.0.22:9080', '10.244.0.22', true, 9080],
    ['envoy://internal_client_address/', '', false, 0],
    ['shop.example:8080', 'shop.example', false, 8080],
    ['shop.example', 'shop.example', false, 0],
    ['unix:///run/x.sock', '', false, 0],
    ['/run/x.sock', '', false, 0],
    ['@/containerd', '', false, 0],
    ['-', '', false, 0],
    ['', '', false, 0],
    ['10.0.0.1:65536', '10.0.0.1:65536', false, 0],
  ])('reads %s', (text, host, isAddress, port) => {
    expect(endpointOf(text)).toEqual({ host, isAddress, port });
  });

  it('takes the last part for a port where one always stands there', () => {
    expect(endpointWithPort('2001:db8::1:54321')).toEqual({ host: '2001:db8::1', isAddress: true, port: 54_321 });
    expect(endpointWithPort('::ffff:10.0.1.2:33317')).toEqual({ host: '10.0.1.2', isAddress: true, port: 33_317 });
  });
});

describe('AddressBook', () => {
  it('finds an entry under every spelling of its address and of its network', () => {
    const book = new AddressBook([
      { network: '::ffff:192.0.2.0/120', namespace: 'shop', workload: 'orders' },
      { network: '2001:DB8::/32', namespace: 'shop', workload: 'stock' },
    ]);
    for (const text of ['192.0.2.7', '::ffff:192.0.2.7', '[::ffff:c000:207]']) {
      expect(book.endOf(text)).toEqual({ kind: 'workload', namespace: 'shop', workload: 'orders' });
    }
    for (const text of ['2001:db8::7', '[2001:DB8:0::7]', '2001:db8::7%eth0']) {
      expect(book.endOf(text)).toEqual({ kind: 'workload', namespace: 'shop', workload: 'stock' });
    }
  });

  it('gives one end for one address, however it is spelt', () => {
    const book = new AddressBook();
    expect(book.endOf('::ffff:10.1.2.3')).toBe(book.endOf('10.1.2.3'));
    expect(book.endOf('10.1.2.3')).toEqual({ kind: 'workload', namespace: '', workload: '10.1.2.3' });
    expect(book.endOf('::ffff:203.0.113.9')).toEqual({ kind: 'world', namespace: '', workload: '' });
    expect(book.endOf('fe80::1%eth0')).toBe(book.endOf('fe80:0::1'));
    expect(book.endOf('nobody')).toBeUndefined();
  });
});

describe('networkOf', () => {
  it.each([
    ['10.1.2.3', '10.1.2'],
    ['2001:db8:1:2::5', '2001:db8:1'],
    ['2001:db8::1', '2001:db8:0'],
    ['::1', '0:0:0'],
    ['shop.example', ''],
  ])('takes %s to be in %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
