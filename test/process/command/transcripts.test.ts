import { readdirSync, readFileSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { sha256, builtPlugin } from '../../support/built-plugin.ts';
import { checkedJson } from '../../support/command-schema.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { runTool, type ToolRun } from '../../support/tool.ts';

const FOLDER = 'test/fixtures/transcripts';
const PROMPT = '$ keystoreop-openbao ';
/** Writes down what was seen in place of comparing; the change is for a person to read. */
const RECORD = process.env.RECORD_TRANSCRIPTS === '1';

/** A file of command lines, each followed by all that comes of it; the first line is the title. */
interface Transcript {
  readonly file: string;
  readonly title: string;
  readonly text: string;
  readonly lines: readonly string[];
}

const TRANSCRIPTS: readonly Transcript[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.txt'))
  .map((file) => {
    const text = readFileSync(join(FOLDER, file), 'utf8');
    const lines = text.split('\n').filter((line) => line.startsWith(PROMPT));
    const title = /^# (R-CMD-\d\d .*)/.exec(text)![1]!;
    return { file, text, title, lines: lines.map((line) => line.slice(PROMPT.length)) };
  });

/** What differs from run to run and from build to build, by a name for it. */
function settled(text: string, folder: string): string {
  return text
    .replaceAll(folder, 'FOLDER')
    .replaceAll(builtPlugin(), 'EXECUTABLE')
    .replaceAll(sha256(builtPlugin()), 'CHECKSUM')
    .replaceAll(/^( {2}commit {4}).*$/gm, '$1COMMIT')
    .replaceAll(/, commit [0-9a-f]{12}$/gm, '')
    .replaceAll(/("(?:branch|commit)": )".*"/g, '$1"ORIGIN"')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/(valid until )[\d-]+/g, '$1DATE')
    .replaceAll(/(process )\d+/g, '$1PID')
    .replaceAll(/\d+( ms)\b/g, 'N$1')
    .replaceAll(/(\n +)\d+( lines\n)/g, '$1N$2')
    .replaceAll(/(?:[0-9A-F]{2}:){15}[0-9A-F]{2}/g, 'HALF-A-FINGERPRINT')
    .replaceAll(/\/\S+\/handshake-\w{6}\/\w{7}\/plugin\d+/g, 'SOCKET')
    .replaceAll(/(Node |"runtime": ")\d+\.\d+\.\d+/g, '$1VERSION')
    .replaceAll(/\b(?:linux|darwin)-(?:x64|arm64)\b/g, 'PLATFORM');
}

function shown({ code, stderr, stdout }: ToolRun): string {
  const talk = stderr.replace(/^(?=.)/gm, '! ');
  return `${stdout}${talk}=> ${String(code)}\n`;
}

describe('R-CMD-02 R-CMD-04 transcripts', () => {
  test.each(TRANSCRIPTS.map(({ title, ...rest }) => [title, rest] as const))(
    '%s',
    async (title, { file, lines, text: wanted }) => {
      expect(lines.length).toBeGreaterThan(0);
      await using folder = await temporaryFolder();
      await cp(join(FOLDER, 'files'), folder.path, { recursive: true });
      let text = `# ${title}\n`;
      for (const line of lines) {
        const run = await runTool(line.split(' '), { cwd: folder.path });
        expect({ line, signal: run.signal }).toEqual({ line, signal: null });
        if (line.endsWith('--output json') && run.stdout !== '') {
          const [first = '', second = ''] = line.split(' ');
          await checkedJson(first === 'config' ? `${first} ${second}` : first, run.stdout);
        }
        text += `\n${PROMPT}${line}\n${settled(shown(run), folder.path)}`;
      }
      if (RECORD) await writeFile(join(FOLDER, file), text);
      else expect(text).toBe(wanted);
    },
  );
});
