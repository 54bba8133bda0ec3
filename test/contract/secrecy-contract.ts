import { CANARY, type Stage } from './stage.ts';

/** Searches all that was logged and answered as failure for whatever must not be there. */
export function secrecyContract(stage: Stage): void {
  it('R-SEC-01 no plaintext, ciphertext, private key, secret id or token is in a log line or an error', () => {
    const { secretId, identity, stranger } = stage.customer;
    const seen = stage.visible();
    expect(seen.split('\n').length).toBeGreaterThan(300);
    const keys = [identity, stranger].flatMap(({ privateKeyPem }) => privateKeyPem.split('\n').slice(1, -2));
    const base64 = Buffer.from(CANARY).toString('base64').slice(0, 20);
    const needles = [CANARY, base64, secretId, 'vault:v', 'BEGIN ', ...keys];
    expect(needles.filter((needle) => seen.includes(needle))).toEqual([]);
    // A token of OpenBao.
    expect(seen).not.toMatch(/\b[sb]\.[A-Za-z0-9]{24}/);
  });

  it('R-ERR-05 no address and no text of OpenBao is in an answer', () => {
    const answers = stage.refusals();
    expect(answers.length).toBeGreaterThan(100);
    const texts =
      /127\.0\.0\.1|localhost|https:|permission denied|no client certificate|x509|error occurred|key not found$/;
    expect(answers.filter((answer) => texts.test(answer))).toEqual([]);
  });

  it('R-ERR-10 nothing that was refused for its form is repeated', () => {
    expect(stage.visible()).not.toMatch(/<script>|X-Vault-Token|sys\/seal|x{256}/);
  });
}
