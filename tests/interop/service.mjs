// A relying service written with openid-client as its documentation shows, unchanged by us.
//
// Environment: PORT, ISSUER, CLIENT_ID, PROFILE (oidc | jar | fapi2), CLIENT_SECRET (oidc) or CLIENT_KEY (a private JWK).
// With jar the request is signed and goes through the browser (RFC 9101).
// GET /start?acr=...  begins a sign-in; GET /callback ends it and answers with what was learnt, as JSON.
import http from 'node:http'
import * as openid from 'openid-client'

const { PORT, ISSUER, CLIENT_ID, PROFILE, CLIENT_SECRET, CLIENT_KEY } = process.env
const base = `http://localhost:${PORT}`
const strict = PROFILE === 'fapi2'
const keyed = PROFILE !== 'oidc'
let signing

async function configure() {
  const options = { execute: [openid.allowInsecureRequests] }
  if (!keyed) {
    const secret = openid.ClientSecretBasic(CLIENT_SECRET)
    return openid.discovery(new URL(ISSUER), CLIENT_ID, undefined, secret, options)
  }
  const jwk = JSON.parse(CLIENT_KEY)
  const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
  signing = { key, kid: jwk.kid }
  const proof = openid.PrivateKeyJwt(signing)
  return openid.discovery(new URL(ISSUER), CLIENT_ID, undefined, proof, options)
}

const config = await configure()
const begun = new Map()
const DPoP = strict ? openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256')) : undefined

async function start(url) {
  const verifier = openid.randomPKCECodeVerifier()
  const state = openid.randomState()
  const nonce = openid.randomNonce()
  begun.set(state, { verifier, nonce })
  const asked = {
    redirect_uri: `${base}/callback`,
    scope: url.searchParams.get('scope') ?? 'openid profile',
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  }
  if (url.searchParams.has('acr')) asked.acr_values = url.searchParams.get('acr')
  if (url.searchParams.has('hint')) asked.login_hint = url.searchParams.get('hint')
  if (PROFILE === 'jar') return openid.buildAuthorizationUrlWithJAR(config, asked, signing)
  return strict ? openid.buildAuthorizationUrlWithPAR(config, asked, { DPoP }) : openid.buildAuthorizationUrl(config, asked)
}

async function finish(url) {
  const { verifier, nonce } = begun.get(url.searchParams.get('state')) ?? {}
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: url.searchParams.get('state'),
    expectedNonce: nonce,
    idTokenExpected: true,
  }
  const tokens = await openid.authorizationCodeGrant(config, url, checks, undefined, { DPoP })
  const claims = tokens.claims()
  const userinfo = await openid.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP })
  let refreshed = null
  if (tokens.refresh_token) refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
  return {
    claims,
    userinfo,
    id_token: tokens.id_token,
    token_type: tokens.token_type,
    scope: tokens.scope,
    refreshed: refreshed && { access_token: Boolean(refreshed.access_token) },
    signed_out_at: openid.buildEndSessionUrl(config, { id_token_hint: tokens.id_token }).href,
  }
}

const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, base)
  try {
    if (url.pathname === '/start') {
      response.writeHead(303, { location: (await start(url)).href }).end()
    } else if (url.pathname === '/callback') {
      const learnt = await finish(url)
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(learnt))
    } else {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('a service written with openid-client')
    }
  } catch (error) {
    const told = { error: error.error ?? error.code ?? error.name, description: error.error_description ?? error.message }
    response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(told))
  }
})
server.listen(Number(PORT), '127.0.0.1', () => console.log('ready'))
