// What `verified_claims` may look like: the schema of OpenID Identity Assurance, without anything that it leaves open, and
// with those names alone that the provider advertises.

import assert from 'node:assert/strict';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const TEXT = { type: 'string', minLength: 1 };
const DATE = { type: 'string', format: 'date' };
const TIME = { type: 'string', format: 'date-time' };
const COUNTRY = { type: 'string', pattern: '^[A-Z]{2,3}$' };

const only = (properties, required = []) => ({ type: 'object', additionalProperties: false, required, properties });
const some = (items) => ({ type: 'array', minItems: 1, items });
const texts = (...names) => Object.fromEntries(names.map((name) => [name, TEXT]));

const PLACE = texts('formatted', 'street_address', 'locality', 'region', 'postal_code', 'country');

const CLAIMS = {
  birthdate: DATE,
  nationalities: { ...some(COUNTRY), uniqueItems: true },
  place_of_birth: { ...only({ country: COUNTRY, ...texts('locality', 'region') }), minProperties: 1 },
  address: { ...only({ ...PLACE, country_code: COUNTRY }), minProperties: 1 },
  organisation: only({ ...texts('name', 'legal_form', 'seat'), register: only(texts('kind', 'court', 'number'), ['kind', 'court', 'number']) }, [
    'name',
    'legal_form',
    'seat',
  ]),
  ...texts('given_name', 'family_name', 'birth_family_name', 'title'),
};

function evidence(metadata) {
  const check_details = some(
    only(
      {
        check_method: { enum: metadata.documents_check_methods_supported },
        ...texts('check_id', 'organization'),
        time: TIME,
      },
      ['check_method'],
    ),
  );
  const issuer = only({ ...PLACE, name: TEXT, country_code: COUNTRY, jurisdiction: TEXT });
  const type = { enum: metadata.documents_supported };
  const days = { date_of_issuance: DATE, date_of_expiry: DATE };
  const document = only({ type, ...texts('document_number', 'serial_number'), ...days, issuer }, ['type']);
  const recordType = { enum: metadata.electronic_records_supported };
  const source = only({ ...PLACE, name: TEXT, country_code: COUNTRY });
  const record = only({ type: recordType, created_at: TIME, date_of_expiry: DATE, source }, ['type']);
  const kinds = {
    document: only({ type: { const: 'document' }, check_details, document_details: document }, ['type']),
    electronic_record: only({ type: { const: 'electronic_record' }, check_details, record }, ['type']),
  };
  return { oneOf: metadata.evidence_supported.map((kind) => kinds[kind]) };
}

/** Fails for whatever a provider with this metadata may not answer. */
export function validator(metadata) {
  const known = metadata.claims_in_verified_claims_supported.map((name) => [name, CLAIMS[name]]);
  const verification = only(
    {
      trust_framework: { enum: metadata.trust_frameworks_supported },
      assurance_level: TEXT,
      time: { ...TIME, pattern: '(Z|[+-][0-9]{2}:[0-9]{2})$' },
      verification_process: TEXT,
      evidence: some(evidence(metadata)),
    },
    ['trust_framework'],
  );
  const one = only({ verification, claims: only(Object.fromEntries(known)) }, ['verification', 'claims']);
  const ajv = new Ajv2020({ allErrors: true });
  addFormats(ajv);
  const isValid = ajv.compile({ anyOf: [one, { type: 'array', minItems: 2, items: one }] });
  return (answer) => assert.ok(isValid(answer), `${ajv.errorsText(isValid.errors)}\n${JSON.stringify(answer)}`);
}
