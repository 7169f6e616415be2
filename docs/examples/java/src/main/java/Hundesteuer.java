import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.oauth2.sdk.*;
import com.nimbusds.oauth2.sdk.auth.*;
import com.nimbusds.oauth2.sdk.id.*;
import com.nimbusds.oauth2.sdk.pkce.*;
import com.nimbusds.openid.connect.sdk.*;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import com.nimbusds.openid.connect.sdk.validators.IDTokenValidator;
import com.sun.net.httpserver.*;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Signs somebody in with Nimbus. Run: mvn -q compile exec:java, then open http://localhost:3000/ */
public class Hundesteuer {
    static final URI CALLBACK = URI.create("http://localhost:3000/rueckkehr");
    static final Issuer ISSUER = new Issuer(System.getenv().getOrDefault("ISSUER", "http://localhost:8080"));
    static final ClientID ID = new ClientID("hundesteuer");
    static final Secret SECRET = new Secret(System.getenv().getOrDefault("CLIENT_SECRET", "nur-zum-ausprobieren"));

    /** What must fit when the browser comes back. A service keeps it in its session. */
    record Leaving(Nonce nonce, CodeVerifier verifier) {}

    static final Map<State, Leaving> LEAVING = new ConcurrentHashMap<>();
    static OIDCProviderMetadata provider;

    public static void main(String[] arguments) throws Exception {
        provider = OIDCProviderMetadata.resolve(ISSUER);
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 3000), 0);
        server.createContext("/", Hundesteuer::answer);
        server.start();
    }

    static void answer(HttpExchange exchange) {
        try (exchange) {
            switch (exchange.getRequestURI().getPath()) {
                case "/" -> leave(exchange);
                case "/rueckkehr" -> say(exchange, 200, comeBack(exchange));
                default -> say(exchange, 404, "");
            }
        } catch (Exception error) {
            error.printStackTrace();
        }
    }

    static void leave(HttpExchange exchange) throws Exception {
        State state = new State();
        Leaving leaving = new Leaving(new Nonce(), new CodeVerifier());
        LEAVING.put(state, leaving);
        URI location = new AuthenticationRequest.Builder(
                        new ResponseType("code"), new Scope("openid", "profile", "email"), ID, CALLBACK)
                .endpointURI(provider.getAuthorizationEndpointURI())
                .state(state)
                .nonce(leaving.nonce())
                .codeChallenge(leaving.verifier(), CodeChallengeMethod.S256)
                .build()
                .toURI();
        exchange.getResponseHeaders().add("Set-Cookie", "state=" + state + "; HttpOnly; SameSite=Lax");
        exchange.getResponseHeaders().add("Location", location.toString());
        exchange.sendResponseHeaders(303, -1);
    }

    static String comeBack(HttpExchange exchange) throws Exception {
        AuthenticationResponse response =
                AuthenticationResponseParser.parse(URI.create(CALLBACK + "?" + exchange.getRequestURI().getRawQuery()));
        String cookies = String.valueOf(exchange.getRequestHeaders().getFirst("Cookie"));
        Leaving leaving = LEAVING.remove(response.getState());
        boolean isOurs = cookies.contains("state=" + response.getState());
        if (leaving == null || !isOurs || !ISSUER.equals(response.getIssuer())) {
            return "state or iss does not match";
        }
        if (!response.indicatesSuccess()) {
            // The code that docs/integrate.md explains.
            return response.toErrorResponse().getErrorObject().getCode();
        }
        var grant = new AuthorizationCodeGrant(
                response.toSuccessResponse().getAuthorizationCode(), CALLBACK, leaving.verifier());
        var request = new TokenRequest.Builder(
                provider.getTokenEndpointURI(), new ClientSecretBasic(ID, SECRET), grant).build();
        TokenResponse answer = OIDCTokenResponseParser.parse(request.toHTTPRequest().send());
        if (!answer.indicatesSuccess()) {
            return answer.toErrorResponse().getErrorObject().getCode();
        }
        var tokens = ((OIDCTokenResponse) answer.toSuccessResponse()).getOIDCTokens();
        var validator = new IDTokenValidator(ISSUER, ID, JWSAlgorithm.ES256, provider.getJWKSetURI().toURL());
        var claims = validator.validate(tokens.getIDToken(), leaving.nonce());
        var userInfo = UserInfoResponse.parse(
                new UserInfoRequest(provider.getUserInfoEndpointURI(), tokens.getAccessToken()).toHTTPRequest().send());
        var person = userInfo.toSuccessResponse().getUserInfo();
        if (!person.getSubject().equals(claims.getSubject())) {
            return "userinfo is about somebody else";
        }
        return "{\"claims\": " + claims.toJSONString() + ",\n\"person\": " + person.toJSONString() + "}";
    }

    static void say(HttpExchange exchange, int status, String text) throws Exception {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().add("Content-Type", "text/plain; charset=utf-8");
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
    }
}
