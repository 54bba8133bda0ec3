// A host process of its own, for the tests that end one.
import { writeSync } from 'node:fs';

import { load } from './host-fixture.ts';

const stage = await load('good.ts');
const { environment = {} } = await stage.plugin.client.test.inspect({});
const endings: Record<string, () => void> = {
  close: () => void stage.close(),
  exit: () => process.exit(5),
  throw: () => {
    throw new Error('uncaught');
  },
  interrupt: () => {
    process.once('SIGINT', () => {
      void stage.plugin.client.test.echo({ text: 'still there' }).then(async ({ text }) => {
        writeSync(1, `${text}\n`);
        await stage.close();
      });
    });
  },
};
const ending = endings[process.argv[2] ?? ''];
// A signal may come as soon as the line is out; the other endings come later, so that the plugin can be looked at first.
if (ending === endings.interrupt) ending?.();
else setTimeout(() => ending?.(), 500);
writeSync(1, `${Object.keys(environment).join(' ')}\n`);
