import { isIPv4 } from 'node:net';

import fc from 'fast-check';

import {
  createAddressMatcher,
  isLoopback,
  isPrivateAddress,
  parseAddress,
  parseAddressPattern,
} from '../../../src/config/address-rules.ts';

describe('parseAddress', () => {
  test.each([
    ['https://bao.example.com', 'https://bao.example.com', 'bao.example.com', 443],
    ['https://bao.example.com:443/', 'https://bao.example.com', 'bao.example.com', 443],
    ['https://BAO.example.com:8200', 'https://bao.example.com:8200', 'bao.example.com', 8200],
    ['HTTPS://10.0.0.1:8200/', 'https://10.0.0.1:8200', '10.0.0.1', 8200],
    ['https://[2001:DB8:0::1]:8200', 'https://[2001:db8::1]:8200', '2001:db8::1', 8200],
    ['http://127.0.0.1:8200', 'http://127.0.0.1:8200', '127.0.0.1', 8200],
    ['https://xn--bcher-kva.example', 'https://xn--bcher-kva.example', 'xn--bcher-kva.example', 443],
  ])('reads %s', (text, origin, host, port) => {
    expect(parseAddress(text)).toMatchObject({ origin, host, port });
  });

  test.each([
    ['', 'empty'],
    ['bao.example.com:8200', 'no scheme'],
    ['//bao.example.com', 'no scheme'],
    ['ftp://bao.example.com', 'another scheme'],
    ['file:///etc/passwd', 'another scheme'],
    ['https://user@bao.example.com', 'user'],
    ['https://user:password@bao.example.com', 'user and password'],
    ['https://@bao.example.com', 'empty user'],
    ['https://bao.example.com/v1', 'path'],
    ['https://bao.example.com//', 'path'],
    ['https://bao.example.com?x', 'query'],
    ['https://bao.example.com/?', 'query'],
    ['https://bao.example.com#x', 'fragment'],
    ['https://bao.example.com\\@evil.example', 'backslash'],
    ['https:\\\\bao.example.com', 'backslash'],
    ['https:/bao.example.com', 'one slash'],
    ['https://bao.example.com:0', 'port zero'],
    ['https://bao.example.com:65536', 'port too large'],
    ['https://bao.example.com:08200', 'port with a leading zero'],
    ['https://bao.example.com:', 'empty port'],
    ['https://bao.example.com.', 'trailing dot'],
    ['https://bao..example.com', 'empty label'],
    ['https://-bao.example.com', 'label with a hyphen in front'],
    ['https://bao.example.com\n', 'line break'],
    ['https://bao.exam\tple.com', 'tab'],
    [' https://bao.example.com', 'blank in front'],
    ['https://bao%2eexample.com', 'percent sign'],
    ['https://bücher.example', 'letters beyond ASCII'],
    ['https://127.1', 'short IPv4'],
    ['https://0x7f.0.0.1', 'hexadecimal IPv4'],
    ['https://2130706433', 'decimal IPv4'],
    ['https://0177.0.0.1', 'octal IPv4'],
    ['https://１２７.0.0.1', 'full-width digits'],
    ['https://[fe80::1%25eth0]', 'zone'],
    ['https://[::1', 'open bracket'],
    ['https://*.example.com', 'wildcard'],
    [`https://${'a.'.repeat(1100)}example`, 'over-long'],
  ])('R-CONF-18 refuses %j (%s)', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test('R-CONF-18 what it accepts is one origin, with nothing of the text lost or added', () => {
    const part = fc.oneof(
      fc.constantFrom(
        'https',
        'http',
        '://',
        ':',
        '/',
        '@',
        '\\',
        '.',
        '[',
        ']',
        '127.0.0.1',
        '8200',
        'bao',
        '::1',
        '%',
        '#',
        '?',
      ),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
          fc.webUrl(),
        ),
        (text) => {
          const address = parseAddress(text);
          if (address === undefined) return;
          expect(parseAddress(address.origin)).toEqual(address);
          const url = new URL(text);
          expect([url.username, url.password, url.search, url.hash, url.pathname]).toEqual(['', '', '', '', '/']);
          expect(url.origin).toBe(address.origin);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('isLoopback', () => {
  test.each(['http://localhost', 'http://127.0.0.1', 'http://127.9.8.7', 'http://[::1]'])('%s is', (text) => {
    expect(isLoopback(parseAddress(text)!)).toBe(true);
  });

  test.each(['http://localhost.example.com', 'http://10.0.0.1', 'http://[::2]', 'http://127.example'])(
    '%s is not',
    (text) => {
      expect(isLoopback(parseAddress(text)!)).toBe(false);
    },
  );
});

describe('createAddressMatcher', () => {
  const allowed = (pattern: string, address: string): boolean =>
    createAddressMatcher([{ pattern }])(parseAddress(address)!) !== undefined;

  test.each([
    ['https://bao.example.com', 'https://bao.example.com'],
    ['https://bao.example.com:443', 'https://BAO.example.com/'],
    ['https://*.example.com:8200', 'https://a.example.com:8200'],
    ['https://*.EXAMPLE.com', 'https://a.example.com'],
    ['https://10.1.2.3:8200', 'https://10.1.2.3:8200'],
    ['https://[2001:db8::1]', 'https://[2001:db8:0:0::1]'],
  ])('R-CONF-19 %s covers %s', (pattern, address) => {
    expect(allowed(pattern, address)).toBe(true);
  });

  test.each([
    ['https://bao.example.com', 'https://bao.example.com:8200', 'other port'],
    ['https://bao.example.com', 'http://bao.example.com', 'other scheme'],
    ['http://localhost:443', 'https://localhost', 'other scheme, same port'],
    ['https://*.example.com', 'https://example.com', 'no label for the wildcard'],
    ['https://*.example.com', 'https://a.b.example.com', 'two labels for the wildcard'],
    ['https://*.example.com', 'https://evilexample.com', 'no dot before the rest'],
    ['https://*.example.com', 'https://a.example.com.evil.example', 'the rest inside the host'],
  ])('R-CONF-19 %s does not cover %s (%s)', (pattern, address) => {
    expect(allowed(pattern, address)).toBe(false);
  });

  test('R-CONF-19 the first matching entry is returned, and nothing when none matches', () => {
    const address = parseAddress('https://a.example.com')!;
    const entries = [
      { pattern: 'https://b.example.com' },
      { pattern: 'https://*.example.com' },
      { pattern: 'https://a.example.com' },
    ];
    expect(createAddressMatcher(entries)(address)).toBe(entries[1]);
    expect(createAddressMatcher(entries.slice(0, 1))(address)).toBeUndefined();
  });

  test.each([
    'https://*',
    'https://*:8200',
    'https://a.*.example.com',
    'https://*a.example.com',
    'https://*.*.example.com',
    '*',
    'https://*.0.0.1',
    'https://*.127.0.0.1',
    'https://*.[::1]',
    'https://*.example.com/v1',
  ])('R-CONF-19 %s is no pattern', (text) => {
    expect(parseAddressPattern(text)).toBeUndefined();
  });
});

describe('isPrivateAddress', () => {
  test.each([
    ['0.0.0.0', 'unspecified'],
    ['10.255.255.255', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.0.1', 'private'],
    ['100.64.0.1', 'carrier NAT'],
    ['100.100.100.200', 'metadata of Alibaba'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.255', 'loopback'],
    ['169.254.169.254', 'metadata'],
    ['168.63.129.16', 'metadata of Azure'],
    ['192.0.0.192', 'metadata of Oracle'],
    ['192.0.2.1', 'documentation'],
    ['198.51.100.1', 'documentation'],
    ['203.0.113.1', 'documentation'],
    ['198.18.0.1', 'benchmarking'],
    ['192.88.99.1', '6to4 relay'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::ffff:10.0.0.1', 'mapped private'],
    ['::ffff:8.8.8.8', 'mapped public'],
    ['::ffff:7f00:1', 'mapped loopback'],
    ['::127.0.0.1', 'IPv4-compatible'],
    ['64:ff9b::7f00:1', 'NAT64'],
    ['64:ff9b:1::1', 'local NAT64'],
    ['100::1', 'discard'],
    ['2001::1', 'Teredo'],
    ['2001:db8::1', 'documentation'],
    ['3fff::1', 'documentation'],
    ['2002:7f00:1::', '6to4'],
    ['5f00::1', 'segment routing'],
    ['fc00::1', 'unique local'],
    ['fd00:ec2::254', 'metadata of AWS'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local with a zone'],
    ['fec0::1', 'site-local'],
    ['ff02::1', 'multicast'],
    ['2606:4700::1%lo', 'a zone'],
    ['localhost', 'no IP address'],
    ['127.1', 'no IP address'],
    ['', 'no IP address'],
  ])('R-CONF-20 %s (%s) is', (ip) => {
    expect(isPrivateAddress(ip)).toBe(true);
  });

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '192.0.1.1',
    '223.255.255.255',
    '2606:4700::1111',
    '2a00:1450:4001::200e',
    '2003::1',
    '2001:200::1',
  ])('R-CONF-20 %s is not', (ip) => {
    expect(isPrivateAddress(ip)).toBe(false);
  });

  test('R-CONF-20 every IPv4 address inside IPv6 counts as private', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.constantFrom('::ffff:', '::', '64:ff9b::'), (ip, prefix) => {
        fc.pre(isIPv4(ip));
        expect(isPrivateAddress(`${prefix}${ip}`)).toBe(true);
      }),
    );
  });
});
