'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');

const { program } = require('./program.js');
const { temporaryDirectory } = require('./temporary.js');

/**
 * A key and a certificate for a name, valid from now on.
 *
 * @param {Mocha.Context} test Skipped where there is no openssl.
 * @param {string} [name='slot.test']
 * @returns {{key: Buffer, cert: Buffer, file: string, keyFile: string}} `file` is that of the certificate.
 */
function makeCertificate(test, name = 'slot.test') {
  const pathOf = temporaryDirectory();
  const file = pathOf('cert.pem');
  const keyFile = pathOf('key.pem');
  const args = [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`],
    ...['-keyout', keyFile, '-out', file],
  ];
  execFileSync(program(test, 'openssl'), args, { stdio: 'ignore' });
  return { key: fs.readFileSync(keyFile), cert: fs.readFileSync(file), file, keyFile };
}

module.exports = { makeCertificate };
