// An OpenID provider as somebody else would run it: oidc-provider, certified, with one client that proves itself by
// private_key_jwt and must use PKCE. Its people sign in and agree without a page, so that tests can drive it by HTTP.
//
// Environment: PORT; ISSUER (http://localhost:PORT unless given); CLIENT_ID; CLIENT_JWKS (JSON); REDIRECT_URIS (JSON
// list); CLIENT_ALG (ES256 unless given); ALGORITHM of its ID tokens (ES256 unless given). A login_hint of
// outcome:cancelled cancels, persona:<id> signs in as somebody else; everybody else is amina.
import { createServer } from 'node:http'
import { generateKeyPairSync } from 'node:crypto'
import { Provider } from 'oidc-provider'

const { PORT, CLIENT_ID = 'portico', CLIENT_ALG = 'ES256', ALGORITHM = 'ES256' } = process.env
const issuer = process.env.ISSUER ?? `http://localhost:${PORT}`

const KINDS = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
const key = { ...KINDS[ALGORITHM]().privateKey.export({ format: 'jwk' }), alg: ALGORITHM, use: 'sig', kid: 'peer-1' }

const LEVELS = ['peer:low', 'peer:substantial', 'peer:high']
const PEOPLE = {
  amina: { name: 'Amina Hughes', given_name: 'Amina', family_name: 'Hughes', birthdate: '1987-04-12' },
  ioan: { name: 'Ioan Pryce', given_name: 'Ioan', family_name: 'Pryce', birthdate: '1953-11-30' },
}

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: CLIENT_ID,
      redirect_uris: JSON.parse(process.env.REDIRECT_URIS),
      response_types: ['code'],
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: CLIENT_ALG,
      id_token_signed_response_alg: ALGORITHM,
      jwks: JSON.parse(process.env.CLIENT_JWKS),
    },
  ],
  jwks: { keys: [key] },
  cookies: { keys: ['a cookie secret of the tests'] },
  pkce: { required: () => true },
  acrValues: LEVELS,
  claims: {
    openid: ['sub'],
    profile: ['name', 'given_name', 'family_name', 'birthdate'],
    email: ['email', 'email_verified'],
    acr: null,
    auth_time: null,
    amr: null,
  },
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, sub) => ({
    accountId: sub,
    claims: () => ({ sub, ...PEOPLE[sub], email: `${sub}@mail.example`, email_verified: true }),
  }),
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    })
    grant.addOIDCScope([...ctx.oidc.requestParamOIDCScopes].join(' '))
    grant.addOIDCClaims(ctx.oidc.requestParamClaims)
    await grant.save()
    return grant
  },
})

async function interact(request, response) {
  const { params } = await provider.interactionDetails(request, response)
  const hint = params.login_hint ?? ''
  if (hint.includes('outcome:cancelled')) {
    return provider.interactionFinished(request, response, { error: 'access_denied' })
  }
  const asked = (params.acr_values ?? '').split(' ').find((acr) => LEVELS.includes(acr))
  const accountId = /persona:(\w+)/.exec(hint)?.[1] ?? 'amina'
  return provider.interactionFinished(request, response, {
    login: { accountId, acr: asked ?? LEVELS.at(-1), amr: ['hwk', 'mfa'], remember: false },
  })
}

const callback = provider.callback()
createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) {
    callback(request, response)
    return
  }
  interact(request, response).catch((problem) => {
    response.statusCode = 400
    response.end(String(problem))
  })
}).listen(Number(PORT), () => console.log('ready'))
