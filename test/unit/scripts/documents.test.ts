import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { parse } from 'yaml';

import { readSpecification, REQUIREMENT_ID, SPECIFICATION } from '../../../scripts/check-spec/specification.ts';
import { parseConfiguration } from '../../../src/config/parse.ts';

const DOCUMENTS = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

const PARTS = new Map(SPECIFICATION.map((file) => [file, readFileSync(file, 'utf8')]));
const REQUIREMENTS = new Set(readSpecification(PARTS).requirements.map(({ id }) => id));

function yamlBlocks(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^```yaml\n([^]*?)^```/gm)].map((match) => match[1] ?? '');
}

const PROCESS_IDENTITY = `
openbao: { addresses: ['https://bao.example.com:8200'] }
auth: { method: approle, roleId: r, secretId: { source: file, file: { path: /run/secret-id } } }
`;

/** The anchors that a reader's browser finds: headings, in lower case with hyphens. */
function anchors(file: string): string[] {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe('documents', () => {
  test.each(DOCUMENTS)('every link of %s into the repository leads somewhere', (file) => {
    const links = [...readFileSync(file, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
    const broken = links
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? file : join(dirname(file), path);
        return !existsSync(target) || (anchor !== undefined && !anchors(target).includes(anchor));
      });
    expect(broken).toEqual([]);
  });

  test.each(DOCUMENTS)('every requirement and every test file that %s names is there', (file) => {
    const text = readFileSync(file, 'utf8');
    const unknown = (text.match(REQUIREMENT_ID) ?? []).filter((id) => !REQUIREMENTS.has(id));
    const missing = (text.match(/\btest\/[\w./-]+\.ts\b/g) ?? []).filter((path) => !existsSync(path));
    expect([...unknown, ...missing]).toEqual([]);
  });

  test('a link to a heading that is not there is found', () => {
    expect(anchors('docs/specification.md')).toContain('11-how-a-rotation-reaches-l2-and-l3');
    expect(anchors('docs/specification.md')).not.toContain('11-how-a-rotation');
  });

  test.each(yamlBlocks('docs/configuration.md'))(
    'an example of docs/configuration.md is a valid configuration: %#',
    (text) => {
      const { auth, openbao, provider } = parse(text) as Record<string, unknown>;
      if (provider === undefined) {
        expect(() => parseConfiguration(text, { type: 'KeystoreInstanceKeyOperation' })).not.toThrow();
        return;
      }
      // It is shown without the identity that it needs, which the document has shown before.
      const whole = auth === undefined && openbao === undefined ? `${text}\n${PROCESS_IDENTITY}` : text;
      expect(() => parseConfiguration(whole, { type: 'KeystoreProvider' })).not.toThrow();
    },
  );

  test('the entry that README shows for CMK holds a valid configuration', () => {
    const [entry = ''] = yamlBlocks('README.md');
    const { plugins } = parse(entry) as {
      plugins: { type: 'KeystoreInstanceKeyOperation'; yamlConfiguration: string }[];
    };
    expect(plugins).toHaveLength(1);
    for (const { type, yamlConfiguration } of plugins)
      expect(() => parseConfiguration(yamlConfiguration, { type })).not.toThrow();
  });

  test('the commands of every section of docs/operations.md are run by a test', () => {
    const tests = [
      'test/live/operations-document.test.ts',
      ...readdirSync('test/process/operations').map((name) => join('test/process/operations', name)),
    ];
    const text = tests.map((file) => readFileSync(file, 'utf8')).join('');
    const sections = readFileSync('docs/operations.md', 'utf8').split(/^#+ /m);
    const withCommands = sections
      .filter((section) => section.includes('```sh\n'))
      .map((section) => section.split('\n')[0]);
    expect(withCommands.length).toBeGreaterThan(10);
    expect(withCommands.filter((heading) => !new RegExp(`['"]${heading}['"]`).test(text))).toEqual([]);
  });

  test('the hand-written specification stays below 60 KB', () => {
    expect(readFileSync('docs/specification.md').length).toBeLessThan(60_000);
  });
});
