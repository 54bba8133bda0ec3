// Lets time pass a thousand times as fast for everything that is written in JavaScript: ten minutes in 0.6 s.
const FACTOR = 1000;

const started = Date.now();
const { now } = Date;
Date.now = () => started + (now() - started) * FACTOR;
for (const name of ['setTimeout', 'setInterval']) {
  const original = globalThis[name];
  globalThis[name] = (action, ms = 0, ...rest) => original(action, ms / FACTOR, ...rest);
}
