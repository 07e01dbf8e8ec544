


SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;


CREATE TABLE public.accounts (
    id text NOT NULL,
    created double precision NOT NULL
);



CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);



CREATE TABLE public.assertions (
    client_id text NOT NULL,
    jti text NOT NULL,
    expires double precision NOT NULL
);



CREATE TABLE public.audit (
    id bigint NOT NULL,
    kind text NOT NULL,
    at double precision NOT NULL,
    actor text NOT NULL,
    transaction_id text,
    case_id text,
    client_id text,
    provider text,
    account_id text,
    grant_id text,
    details text NOT NULL,
    number bigint,
    hash text,
    fact text
);



ALTER TABLE public.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);



CREATE TABLE public.case_attempts (
    case_id text NOT NULL,
    purpose text NOT NULL,
    made bigint NOT NULL
);



CREATE TABLE public.case_marks (
    case_id text NOT NULL,
    mark text NOT NULL
);



CREATE TABLE public.cases (
    id text NOT NULL,
    version bigint NOT NULL,
    state text NOT NULL,
    is_open boolean NOT NULL,
    transaction_id text NOT NULL,
    reference text NOT NULL,
    continuation text,
    holder text,
    created double precision NOT NULL,
    deadline double precision,
    queued double precision,
    due double precision,
    sealed bytea NOT NULL
);



CREATE TABLE public.checkpoints (
    number bigint NOT NULL,
    hash text NOT NULL,
    at double precision NOT NULL,
    statement text NOT NULL
);



CREATE TABLE public.codes (
    digest text NOT NULL,
    transaction_id text NOT NULL,
    client_id text NOT NULL,
    account_id text NOT NULL,
    subject text NOT NULL,
    pushed text,
    created double precision NOT NULL,
    expires double precision NOT NULL,
    terms text NOT NULL,
    sealed bytea,
    epoch bigint NOT NULL,
    redeemed double precision,
    grant_id text,
    sid text
);



CREATE TABLE public.deliveries (
    id text NOT NULL,
    kind text NOT NULL,
    client_id text NOT NULL,
    created double precision NOT NULL,
    expires double precision NOT NULL,
    claimed_until double precision NOT NULL,
    tries bigint NOT NULL,
    sent double precision,
    sealed bytea
);



CREATE TABLE public.digest_keys (
    purpose text NOT NULL,
    sealed bytea NOT NULL
);



CREATE TABLE public.grants (
    id text NOT NULL,
    client_id text NOT NULL,
    account_id text NOT NULL,
    subject text NOT NULL,
    created double precision NOT NULL,
    expires double precision NOT NULL,
    terms text NOT NULL,
    sealed bytea,
    epoch bigint NOT NULL,
    revoked double precision,
    sid text
);



CREATE TABLE public.identities (
    issuer text NOT NULL,
    digest text NOT NULL,
    sealed bytea NOT NULL,
    account_id text NOT NULL,
    created double precision NOT NULL
);



CREATE TABLE public.marks (
    name text NOT NULL,
    value bigint NOT NULL
);



CREATE TABLE public.notices (
    id text NOT NULL,
    created double precision NOT NULL,
    expires double precision NOT NULL,
    claimed_until double precision NOT NULL,
    tries bigint NOT NULL,
    sent double precision,
    sealed bytea
);



CREATE TABLE public.questions (
    id text NOT NULL,
    digest text,
    code text NOT NULL,
    client_id text NOT NULL,
    account_id text,
    case_id text,
    state text NOT NULL,
    created double precision NOT NULL,
    expires double precision NOT NULL,
    polled double precision,
    pause bigint NOT NULL,
    early boolean NOT NULL,
    pings boolean NOT NULL,
    ping_due double precision,
    ping_tries bigint NOT NULL,
    sealed bytea,
    epoch bigint NOT NULL
);



CREATE TABLE public.session_services (
    sid text NOT NULL,
    client_id text NOT NULL,
    subject text NOT NULL,
    first_at double precision NOT NULL,
    last_at double precision NOT NULL,
    expires double precision NOT NULL
);



CREATE TABLE public.sessions (
    digest text NOT NULL,
    sid text NOT NULL,
    account_id text NOT NULL,
    created double precision NOT NULL,
    used double precision NOT NULL,
    expires double precision NOT NULL,
    sealed bytea,
    epoch bigint NOT NULL,
    ended double precision
);



CREATE TABLE public.shares (
    account_id text NOT NULL,
    client_id text NOT NULL,
    claim text NOT NULL,
    first_at double precision NOT NULL,
    last_at double precision NOT NULL
);



CREATE TABLE public.staff_attempts (
    digest text NOT NULL,
    expires double precision NOT NULL,
    sealed bytea
);



CREATE TABLE public.staff_sessions (
    digest text NOT NULL,
    member text NOT NULL,
    created double precision NOT NULL,
    used double precision NOT NULL,
    expires double precision NOT NULL,
    terms text NOT NULL,
    epoch bigint NOT NULL,
    ended double precision
);



CREATE TABLE public.subjects (
    account_id text NOT NULL,
    sector text NOT NULL,
    sub text NOT NULL,
    created double precision NOT NULL
);



CREATE TABLE public.switches (
    kind text NOT NULL,
    id text NOT NULL,
    reason text NOT NULL,
    who text NOT NULL,
    at double precision NOT NULL
);



CREATE TABLE public.tokens (
    digest text NOT NULL,
    grant_id text NOT NULL,
    kind text NOT NULL,
    created double precision NOT NULL,
    expires double precision NOT NULL,
    epoch bigint NOT NULL,
    revoked double precision,
    dpop_jkt text,
    x5t text,
    scope text
);



INSERT INTO public.accounts VALUES ('account-ann', 1800000000);
INSERT INTO public.accounts VALUES ('account-bob', 1800000000);
INSERT INTO public.accounts VALUES ('account-cat', 1800000000);
INSERT INTO public.accounts VALUES ('account-dan', 1800000000);
INSERT INTO public.accounts VALUES ('account-eve', 1800000000);



INSERT INTO public.alembic_version VALUES ('0009');



INSERT INTO public.assertions VALUES ('passports', '77514d07df960f1691b7f288afe4259eebaac678c4ae570935ec8ff89289c41e', 1800000060);
INSERT INTO public.assertions VALUES ('passports', '36a73922c370b9471ae7e1f1c2273e621bd61b087aad78b22483a73f2857ec58', 1800000060);
INSERT INTO public.assertions VALUES ('passports', '947041a6e94f85d9505fec324e31f90a6fea6cf1cd6dac1dcdd6fad3296b6033', 1800000060);
INSERT INTO public.assertions VALUES ('passports', '51f9ac0057b1ec4bbd61f43f0223bef51d864b9203e72dddfcf68ef67406c4ff', 1800000060);
INSERT INTO public.assertions VALUES ('/requests/passports', 'bab06959d2c744845dd23a3aafb16c19bff747c96cfc75894e4bef1b277acbdb', 1800000060);



INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (1, 'epoch_raised', 1800000000, 'olu', NULL, NULL, NULL, NULL, NULL, NULL, '{}', 1, 'd8ca71c236b424c229e7500c369bd8a2c3f1c14939bc21d040edab16f08a3068', NULL);
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (2, 'reload_asked', 1800000000, 'olu', NULL, NULL, NULL, NULL, NULL, NULL, '{}', 2, '1df134dc37a9b6677fdb037558e839f3686ff3ca2486e442b2562f53543b3271', NULL);
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (3, 'service_answered', 1800000000, 'citizen', 'transaction-ann', NULL, 'passports', NULL, 'account-ann', NULL, '{"level":"low"}', 3, '1c301c411d9b73149fd65d887988823d43af9e9a36d639ddbe6561a61a9acf8f', 'answer-transaction-ann');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (4, 'service_answered', 1800000000, 'citizen', 'transaction-bob', NULL, 'passports', NULL, 'account-bob', NULL, '{"level":"low"}', 4, '35cbd475faebaad9b94ca4527e0d056fececc573f40393e4be82316198506af2', 'answer-transaction-bob');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (5, 'service_answered', 1800000000, 'citizen', 'transaction-cat', NULL, 'passports', NULL, 'account-cat', NULL, '{"level":"low"}', 5, 'a46a47acf63ffd02f6216b6d54e8468bee3d2cfd593c353ea3f460e928de0cfe', 'answer-transaction-cat');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (6, 'service_answered', 1800000000, 'citizen', 'transaction-dan', NULL, 'passports', NULL, 'account-dan', NULL, '{"level":"low"}', 6, 'cb80eb70790495326bf8797082c7a81de8008c15c8996ad677e9689b6078184c', 'answer-transaction-dan');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (7, 'service_answered', 1800000000, 'citizen', 'transaction-eve', NULL, 'passports', NULL, 'account-eve', NULL, '{"level":"low"}', 7, '9d6c38356d5b189e63297387ff5a073dff1f61f8e60c9f8984e86162f8f9afcb', 'answer-transaction-eve');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (8, 'service_answered', 1800000000, 'citizen', 'transaction-cat-tax', NULL, 'passports', NULL, 'account-cat', NULL, '{"level":"low"}', 8, 'b633cc6dfe634d4f90be3fca3a8a6ae75a43028f2356d3d01571fe35e5114f2f', 'answer-transaction-cat-tax');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (9, 'token_revoked', 1800000000, 'citizen', NULL, NULL, 'passports', NULL, NULL, NULL, '{"level":"low"}', 9, 'f334e11c0ab67d5df776400a1e0e53f257c880a1a03375c37df14d979885699c', NULL);
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (10, 'session_ended', 1800000000, 'citizen', NULL, NULL, 'passports', NULL, 'account-cat', NULL, '{"level":"low","sid":"sid-cat"}', 10, '67242092275e6ecc3d1be0911a262718f29fdd7530b40dd9771899e2285c0eeb', NULL);
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (11, 'declined', 1800000000, 'citizen', NULL, NULL, 'passports', NULL, NULL, NULL, '{"level":"low"}', 11, '6c4b7b9258e1a49a53e6b7afe4e73864dfffd036043b0e1751ec673f5b7bc4f7', NULL);
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (12, 'case_created', 1800000000, 'citizen', NULL, 'case-claimed', 'passports', NULL, NULL, NULL, '{"level":"low"}', 12, '9319c0a695436533e92a848c0a49a18975f131e43bbfa611b4d4b5de2f996b28', NULL);
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (13, 'case_created', 1800000000, 'citizen', NULL, 'case-queued', 'passports', NULL, NULL, NULL, '{"level":"low"}', 13, '733b5191a1e7f76e3d938ee2b18de8df6c98a8d2ea0b637286cddabf8dd61481', NULL);
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (14, 'case_created', 1800000000, 'citizen', NULL, 'case-declined', 'passports', NULL, NULL, NULL, '{"level":"low"}', 14, '8d9627b1d75e81c23f9cc97b1d1363f69da4f32f7a326df272ab6dd058cda2ca', NULL);
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (15, 'provider_disabled', 1800000000, 'olu', NULL, NULL, NULL, 'bank', NULL, NULL, '{"reason":"a reason"}', 15, 'b1c65cbaddd7532f5139d45816ae1d95254463467c21878c1d085e8f8e3f0547', NULL);
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (16, 'service_disabled', 1800000000, 'olu', NULL, NULL, 'tax', NULL, NULL, NULL, '{"reason":"a reason"}', 16, 'b933838056dd9c91292f2937132eb377c06119e362bb691d8f454ff1540bd9de', NULL);
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (17, 'account_disabled', 1800000000, 'olu', NULL, NULL, NULL, NULL, 'account-dan', NULL, '{"reason":"a reason"}', 17, '29878e7839b90db43bd2892c453941f3d5ce1b939b0c307c4a2a068d9774449f', NULL);
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (18, 'session_ended', 1800000000, 'olu', NULL, NULL, NULL, NULL, 'account-dan', NULL, '{"sid":"sid-dan","why":"account_disabled"}', 18, '073ccd2584fa65bb70d3fc8e77e5cff18cd9fe39d7ff21325aa39e287588b7b9', NULL);
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (19, 'staff_signed_in', 1800000000, 'citizen', NULL, NULL, 'passports', NULL, NULL, NULL, '{"level":"low"}', 19, 'fd979ed9e805abf3556dc7f22c61469a5854a8e7d62c423ddac3d4cb3c1edfa8', NULL);
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (20, 'k', 1800000000.123456, 'a', 't', 'c', 's', 'p', 'acc', 'g', '{"a":"ü\n\"''","b":"2"}', 20, 'af1657a525fa0df68dcd5cf12b5695f6c5c7418fc7dfc61c45d1c9dbcd45b3b3', NULL);
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (21, 'written_after_the_checkpoint', 1800000000, 'citizen', NULL, NULL, 'passports', NULL, NULL, NULL, '{"level":"low"}', NULL, NULL, NULL);



INSERT INTO public.case_attempts VALUES ('case-claimed', 'code', 2);



INSERT INTO public.case_marks VALUES ('case-claimed', 'mark-claimed');
INSERT INTO public.case_marks VALUES ('case-claimed', 'mark-document');
INSERT INTO public.case_marks VALUES ('case-queued', 'mark-document');
INSERT INTO public.case_marks VALUES ('case-queued', 'mark-queued');
INSERT INTO public.case_marks VALUES ('case-declined', 'mark-declined');
INSERT INTO public.case_marks VALUES ('case-declined', 'mark-document');



INSERT INTO public.cases VALUES ('case-claimed', 1, 'claimed', true, 'case-transaction-claimed', 'CASECLAIMED', '666f687048a51c40272d48bcc68accc276a5bb9d9b783991bef24add7d37d4b3', 'agent-1', 1799999900, 1800086400, 1799999950, 1800000900, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab50c29c0bea3a124b42c34da74f4f2038b039a9cd2c7963f92d70077ef1a0b2ddd524bffc7868a142a724eea8f1c7be93e45744710a23309bb96847ddf174cd8910777533ebde665a9f3f398ee6fe18f330003bf48586493358ff4e473ef3415eb466ffec733a522d230d518e55bffe693a249164f69da9a0f9e7e261ae447500aa9c1acbfe72944472df77f5ef81dd8ca8edc3c8f0ea056deb0b74f8e20eb3b5d0b5738903209b1bcac9d51241b724a06e93e8d7cbd1bfb2c435ad3e54a45e7979ce73cf825fd0f8a0170f7cedcba3c8407e0ad8c93f318a04acba1ac45106946e56c8c0d3e3067d43e09a26eaffe73be3c3edb85fb878862b5315dbbc093f6e2e259fea0e20faeb90568e20ed202873dc2ea35de5168f4bbdec51711d3bb60f409a8863ae6cc2a563d97deb721eb4e340775f55ba08f7d61cac3d2154acfbe098cacb936e878441e032aa2be56d7fcf7993596d9e5058eded9a408d580f8bfc7b968f59d0e48a98b4fea3997dfd49268c4712304d84712b23488b963173c47790b15b08b1edf7be191b858deae85df9905a419d7cd485b07c8937660f9cad866acec12c3e0b2fd5ab88493b533e59d699b27970bec20e6f8431cfbe24a281ff4b4ab74c38d3011dca446ef542224ee466c75e3f6c1b120a68cc8fe38fbcab637e1999d90bdcbccb4bb956c325ba12a4f698bd9a1899f3e1cf03fb59b699b8c23b9ab72dbca725a33cd871498124a78460452fb13bd5587211425debd26d27fd958e1bc2fa8ea621314aea7880f0696c6695ccd7558702bd484af24841aa6406d65c13ee9e5167ab09cfd8448ad5d309ca5195da9cbe3f95e1f91c2e2efa8e4dc9a622969e1a88c9ff017b9b694a655ce76e20be96378aa2bd623fbcecff48476065de06d0ed45f3035fe18c9ab9c98d3b153c316001efb1a054368127e48aea09f2ebf37a4762935aabd123311d505f73ba3f13576c84972f2f22b71c04d5b1c084df9b8cb6e7c9547f0c697ebe2c55440ef17f7e9f85575e19f6b36fcbc8c756737e00319593830f8b065fc7a5f47532f22b4866785ae73befecf90f8ae1eb2a828996e28fc4e5e17eda4d78a3a962cfd67be33471eb32be1ca244bd5b907c32677394b6b1190196318b246b2ae9330aea59fc459190d1b615015befccbbbf7617075405b0964643e680bcd21fc48481e171930eafe20b727e459cfd2e159018f683fad6c555b05527bbf9ac7748d9fee234a8d840bb1d49c71c595ff0e747c6da2804d74647b853f11c22b014cb8349ca0bd0c2166acd6df1ea602a50f2da28f78dd0d308162b33c00510e331a01af82ab6d7f04b7c18edd828a4dd1fa5436a7e8841be996ec118bdafe82af671503d6db9b35dab1332493cb934f4c1dbb15e597d7834f193c91795e29e175470c27b37cbc81188ac0b6d7f32a332095daa5552b933ed6a01b2201055ff35db7ab12b2e9ce3b231bcf121450e0f984dc59836111f2bd77014b0143e1af4c4179bd16abed5bff4e3b530fb4210c0685044f90ada62f5b9f60da2fd476a1bf3507158a226c03fb331f2467d5e1848ec1d6f816630055a8621ea8bcb871782e36e4c5c090254fe9c8c0954cbdecf0731a4057c0f58a22f09d51ca5fa83d439dcb6524aeeb9d41b8e692170a0943be7d283a4b9f8a1a368eee793f5e3315de2c6381d3a3091991bda6b1ac57d9eb77c33d4b856c8d4092540f3853ff0e493a73c8f7b912e941b8dae27556945bb1401dc120317a4dcadde9601316bde32a9b30e17a8fab271f235d993cb7390726bd6637db5064d6153f6a4a672180e58fd7d4cfe3103dcef8c0ce03a29150b463156e971b13b0d8fd4e4e8d1ca4441e1b4a0793cfa34a6792de06d4794a1fca8db896b8ce5cdf018759d66734f9fcb179d317c8081e190a54b8d1f15b8489ce6fdbee34254a51061ec4b85641e54e81a8fdb6aefcc1612490e4cdc5deb81475b8eefa9a28087a653f2612c66e79d41f6159c7de2b6af7e8e533afbfa63189b42b8ad90651ea15cb75e8a235a02ecde8ed0f943bca702dbb86428193bfaba1c6bbac012526041b6f991df27d405db134f32bfa939fc02841c059b0823c8e91b1f928bd121f89ae40b5f5bd390dd0109b99b97de6f3f4f44b83a12be173422e782f8d5ee62f9b9d579c630de5c2391c3554152c8fe661216a4ebfca7f107e80c3fae9e7f48cc81d2847673a385d987dd31986ecd87c6524ff48d31aba2c41fd19de91beecd7d8b50c855fa3810171f377f1ab4debab315bf9fc12fedd2462b6354b4b0c320ff7bf51a78ff8e6bee569d381ea67432a4ccaa028ffb715bcea993301bb4f404b5982170f0a584d42d1b82cd8912029a456d624317f37b180515052131fc362646cdfb2a508f1452a254bdcad06a4dcb6c7f7e0250bba715355f27c1a533074c778b106d3c0a75099be787fb0ef50ca657c85138614796bfe0aedf50ad1920757b8d80178ae7afa793b022b91bc9b1095ebf4384e04a7bc88e4fd532f4d8743b0947de732cff07547de47e9ccdf898f5ba588588b60d7e7629ca4f2194b4917a0e9f79af0d56110d2a4971f12f348948004f2ec9b246d79d6d498c3e0efad79fcef65e2ca1967bcbb22ebb1b8674b28c96dce6c4c645d3369b3ae33c65844e98c94b747e28013b42194cf3e269208192a2eff3079707a582f0cc6b161eea1c0a5f93f4411dbecb07d80be2ccd06aa55b0a465c740f906cebf8e0b424246df8d7aacf3fcf72d8a6fa1cf222759667bf56f20ae6aa5cc2c92d56acc6923060f576f7c63e94f7e25abeaaed415f952da1ecfec4808f53c468b7325af4b09c1076837dbfc449f43b60225330991ef71c6a6f0bbd148a0930bd7c4958235200e4a3a64e8ff2d842d0ca59007a9c3b0988b8c0b4ace15fbb10a4511b84cad5cd7b83ee12e600a4f504b6604436a6d998b63c5af21d0e77ba69bc814b2ead87c9574c8b5cf7a13c9080e45aa9ce1e286ab2e23884240494d6d9ce3e7c2a688a1ce6fe6add5ea9a95b319b73e4b42987e9f4e794a58d658916f7050b5e905a0aef902a096af12f5f03ad0a58e2709518db6df386d84a64a82687d21ddeb5d1afc7b3433a01060ad34b2156842d05415cafffeaeca7ac0fa254c16c8890b0a8ec58e814ba45f8c496cb1157848b192df8761d47f7192edd48e77b5843e98b75feda233d8a03b47ceb380d16c624b6ba57e11d9cfbf64cccce3215769c6ff5f12b956b2cbf55eb103f79b79bb3cbea7550628554d380edebb507835914b1f70bb086f9eb3caaca1e14304e8b256949b8707cb026d4e9ff6b5f75bd83e48d2ca5cfcbd3ca5f5e5a4a2658ba84e09e439dcf29270f8645c71592eb31e0250062f3eea9eb23280d4463a8fa40ab5bee8d5d68');
INSERT INTO public.cases VALUES ('case-queued', 1, 'queued', true, 'case-transaction-queued', 'CASEQUEUED', '2baf1b166f9dbd40f795ba9e585d158220c519292edc7ea3fe73b6e275c8f6fc', NULL, 1799999900, 1800000010, 1799999950, 1800000010, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab5081e6637781e21b90f8987b22ec8a6970c8889cb8ea6b957c3c87a805f8ad3d2af635f74f8e359ae469eb8d63b0e99e182c67fb24e3d38528a535ac0d431a1c1d7f213da7a4c54efdc04a270839f6f1046e6fd51640616fb8c209d5efdf6ef57a29bf58942e9249994018e025e0f1bb7fb159a388e2bcaaecdee39461f07c89fdfb56c912a1f737317d2871009c3030fbb784056ece1e9d94d814f749031e96b2cd789101adc2ef72eb90c0f4566def6d6a943cddb76851653341b12322ebfee519afc9b0745b80aa22170a6afd6c9ce219aa2b9d084f05159aba4fa28fabb018210ed93af51a7e478898d4692c6bd060d746a9bba961f2f2300a9e5a35fe54b083440bdad8ce6f1fe006e9d1e0298c53a30124711a2e63fa256001b2976d3c233e43f19c5b738c766e3439eba1169f3638caa6630c0f1f324ffb3cdeb05abd6a615d73a73a0117a271790b4899e500e7dbd13879a489fe7863faa2cbb7e9aa8e51813ebc8c21ec5acb4a6cdf055231448a96c03ebf4c7755e774a0df6b599bfe5116ba694ca541594baf9d1426d4b88f9104f20c71cd98bd4670748eb3c6c345b349930f8a2089b4d87db9235ea8d9be03cb91176b24cfec8d2f5e63921b6886d8748063799e5b451222c623ca062f0b96f7eab21d83d7a7ae19468f6ddf6da489aac8a77525b20b6cf0a0002c60d153bf5a69400c0d611b6133bd11797eb04a74ba47936244c86685625235f403868764dbd89cd5b562a2944d49118c8e363af8fd315aff5289a72ed1146c2a992a43f4e9f4c5f21ebc5dbd61994c4dacc89c8df52916eefc6db8dfac494b6f583c1d8f484ee34e194da1a1f9fbb6338790c6ef7a1fecd1ba0fa2dac600533e5453890a080e02b8a2f26fda105f778b9ec7c9c988957210335a55f2ca327e02c1b0e5ecbbd37212fa9df1b52439358e83916e6a778b3ffefad21b9d099a6ee9880c3c204a14291112bf447fbc270ae27f34bd5d49ece9aee2b535c2a93b0a91608fc6079778721b5d95676c295af11777f3bca01f7cd41a74d18be9146c807a692e993b597e6429b9be49dec5cca1482c211b566ed86676a7a1e4a8c8e8b408d6812d65ef0eb6b0a34cad89a28953b0c154d5dc5eb7a4a50f9c3844052b35fcd2dd0d7705c656c40ce8976340ac9aa1aa869dee00ecee847957e68880eef247ef4b591f40aca648466b95c7f776933ff01ff685f41a7d7bd7f3fa760ea1e416f40c860570f7d1f2e8817a7c218b1d8025058d0a5aaea2f6f1d106fb481a78af6c73f2f95b81df86aee4c227c5abcc191ad31080381cfdf545bb7f13af9dd46c8900e642d4f448e8a31e5a3941fd06683fdf3c9e2b9d46dbcc9d7175cdd639fe14f42456a72a0cbe3feb96fea47e34ce852e0c84403c20efa1f7ffd34bdad7dc6c0b414462c0bcd1cda521f58a83459d1c79b03245f3bfac75c86b905a0805931f7ecae2bbcbbc1846ab60ecf5952dea2de9be10fc30e16cd91d2d0a5c2f728f62d805064b957ca76ce40d9562b8ba0b470b08b49d973bcb9ecbadab8b04ca7d7691b4583f99e23c866d41b16c77102c5411a8f218f79056937220468b3184cbd97251e491cdb32b1e8060f5d8a80f063cb1fa1a12cbe2de1970f6600fb605f7d101734e40fcbc2567f8e0817c29c187998d9b6f57762249ac70d89dbcb2aa7f33f7643bc097a1192bd021e43e1899e6f36c7ecae5ff2480007aa58a1d14360a9439118e7643cb4995d7a0382b9301f40caefab9216d2e78bda33e647d8fcaadf8895704367e140cf071def1b2b5df1503c198a42d08a46d99d8cc6627921c4b247e38eb48db0b2fbfa8b1720cf6a2143699cbed7ab649dd04de79afeb47619e2e6817585f6b888a1165bc3d487b24d496208886a9643a6b4647991f0d41608b4ea409450ecf0e25296cbd43b2ff87a5eaef1a00a4417f3469839eaafa664743195c20ac8862e30d22768b911d7e3ae4b25393edc386c97719e23b9bd9f3fbb5160588149a79740e0958af64390a6e32d1f2a57aa5e0967bdb5e97020b25594a6dc769aa8c92f684bc5bccbdd908c284f77bec1a70ed3c2445920dc6f4f7f8c07714584b7cb2acfef2120d26e4f919b81a4fb386276b6f65459ae09551e85f66469b5fe4be7b06b14943161dfaaf21377001876012a994cdb5adc3f4426d8c73a48f2bc261b114712e5bfda9bd896d74b810979d53a9893769bd23aec39b8ed9b566599790f99426b0a99bf68e810a0d882626ef55214310ec97066bc7691c3868e1eedc4256de4435205a387f1ecc58394bfbecd03b3d71157d99cbbdd635a7fe53404093231e9087c7dec8ae8af101bb35e88240edcd42b9978b1b37c05768393a11a517b3bded6574fff89e8053f907924c1e703368de944edf0b611926b647e228504a3cc344de6bd85438f34107453ed133d5eff9d7e309bcb1926a62e30fe8a7ed3a87edc6df0f863e5371d2498e0c9e164db28d75f66ff8365db727fd3e306db74a9a000dc67532617778153f025fd87283aea10ce5d923428df09c5a6369288a355af38619e88050b34198ca0fab760a3de5fec66f5764cb6877f80985ddc59c60f227b7b51c9df2e89f015a875e75641dae7d7dfa97a1ed808fe3e6a5737275e09747ae7cc061d6e5c5489f0d1c8a1fd6c6cd74219586f5691d68517cd0c63c0f9be5243a9a8963053dc063bc4914aa7c383b3e238e1055afa765e30d5b11cd7b019d1a780d9ffb4cf63292f07c54ea945c9e0b01e01de80b648b93b6033aaa5581b3d9fc3ab820bb5eae039cc8350cc1291c2e22a064cda55091114c8033712d221f84e7a7e74fd96415c95f2e839e96e4657c8c37e1b971f7ecd7ad7137533470c460ff19ad123dd3c0551f95d5045cc5a9191b7268ae4f84abd4a2cf5f33273330cbef0198ad59ec9dc247280166e2ae471f1839b7f73991e4cbc2a3fc5c221e4708035d98630cf8212453cfac5f57fb64c6fcb6d65c4daec901f6534a18ae0668c01dbe57f41650e8a2fe8b0a5a6960469eae794c6e593c147e2eee80e8432fda2db9c3f54d1ea0e09ada6263f9a4e8848c808bf5d0c43b4ff052fd9527d4057c7b73ba4fe0fbc70b10fce559d92d1635505101b79fa20655f8b745ad00b4d3214217cb334cb5f7abf1d2b05bd26bb90c71becc85720ed22c2b604ecaad2a4682a2055b5df9b3b506ff77f09b25d01ecd33a2e55528f6af25e114616abf774e2e7676ef889b0d2d951167ea7a79fe12da46b5adc0b9f3f8ae2e28878047717647c02c06850ea6c54517436d6af0f7e79d66c4eac8cefaa10b8132a1c05c4d36ef5fd615d079bf81e4fe982a0cfd58813717f42f11324d72c6f3fdf796d78d8b93065e99');
INSERT INTO public.cases VALUES ('case-declined', 1, 'declined', false, 'case-transaction-declined', 'CASEDECLINED', NULL, NULL, 1799999900, NULL, 1799999950, NULL, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab50c49cc84dbc1b3c0a97ae9eb31ca5caade8cf8c4a109f88eaedac4848c6b805922ce808dfe33ca054e2ad6a179ab040f752fb7a910584d9f419ab408493cca87d43bf03d2e74f3291129f812ad3a6f2d0ff80a2a84be2f555de40a8c9f8c001530781ef4e7efb550cd5ba43eba739d78d0d1f3b973d813208e4f35e724231a0b6c056d52034557b5a94d0a1ab292022efe509db3414ffd0b30380240b1d01dafeac5eea96014f69357ceb5cf247b6d013a1c474940a7aa6f591e4044a759d69965edd1dca49437c74f2b45eacf95a527a66fa5efde5104771942a6a9869838c1d962c949d19d7da08bd884e3c7930717a9eb05427bf19d1d1eb6d840ca0b878a3390b4d3c65c57dce38f5f7e1d2b6d9976361a77702cef4bf6a9c52279785f884e74eb533055b732a0c2f8b05c562cb21bba64a0732cd2d03c6d1c95087f90b5d9c6660570b87d519cf0d8295372f468c81ed6682d54e85ac9edb69e8d45a27b06705432d415b92e9eea80381a4c08c982a946145d10fbae2a540d2b1a1fa00d684a3c9158fbe8c96cb60efd0886997f7732968b0836cc60d9b20c531780be4e41d61b158baec49fad98ff75864ee1e39de59abc67959a96f0b1d508d06960ee41a59a09a7cc87fc64e7d7bdf6b37a4accd83d4a0b8a901b51905a85dac117fd6f27ae569f55620cd797a0cd66f89e060d133ac9ca38b61a0d693550c2f55f21d4dcbf6e32f00bf614165d397312b06ddf181573627b75191f785b528fdbf77013cf124dcf3804ad3f9f0e29042de02ff8693979e022405694e9e3c16e20307fd2eec9717648e1c4a6a27d3bb9a4b9aa2f35995fd25314fde6f8eed04d737ca3a1435d77d880185dd9cebcc59164225f1867dbe6f277534013c22453c5760f5db7497c873bbf349cfbe0e5a26c81cb21aa18d0e504ed0c63b2ee835418c0edeb4d2169f4701dc8d8480255f7afe6cadc470de6753a49e5e6c1e91c146220c1cb13e6f511389f988ebefd7c39463fa29504c8b9d20f50283acf910da4f33a5f8fe9768a7cf423fd9f7bd2ce3c3aeb11deefdda2308601cd3def98542bd61fefa7d4568e1315577e5bfca858f53460c2adefc5cff8aba8ef4484ea9fccd3274fd6f945fee8437cbc1ec23243cfb63a67d824a1d6befd8d814d5067652c75b4e9a4f5fdabb831b19867c914352a3baf3cc4d27909e616f6f6574c6fc050b3425a5a00076d3075a965771cebd63c3449b8a3f2d2de63960b24f996f832ebccb7e7da01b1769a720e56987899dc265ec9cc0f1fb241838c0694ffb0d67b676360893c448af1402d4d613ac825b3340979f4aed3d30ffb59b4af6525592f4f4676812994b296347e230893658bef134326e657b7bfcbeda919c676c3ba634eba208c73503468e4f3dba8e253aa93d1d3a9c7143b50fa7610200f89c6d4fd3f540b636f846b291ab46e6cdf5fc675e0a8e0fb780b90975b989cc7afc7c83fe7a635e9957420f602ae673a9f931fed49e4f3e1f359ec6bd0c63261fd267d4e51ff8a6234af1c8ce918f9b77493c7042a6d2a16516a36e7b1650a36ad9b1341f50daadedfb11afdf79bd0853a106d0906b2af62539a5e041dfd9664027339f3f2995c5ad8b54656927c737dbf9e5e04b07e2282504f302529f2016087f020b2fcd5f0f571a0516b35b443899dc595e478708f1313579d14616124ef5ef3876aa78d484e591d57fbcd411efa5de488a079c31aaa89e73aae8c9d7a8a7f8f90a1d61a0c1e847e4f54320e1c9454c78af26073f70a9503a5e940a5f6b6abb9c800101039863ead44e8260b9092759bb3b5d6ef42c678d957fcfa00584ae2475551c719da9a8d77e1f053dc894c2fd7bd2bdc6478fb71ee0ca73caa0bdbf297e90ab91e1474b68f8d0ce138eca0e5d8f2dcc176721958523eb27520617f64d676945d8e310a6a1b0345db0ae40745a1d4eae64798163b67d1f057281820a2ed22a4b8542ca63f506846fa4b78c9ce62dd08db811800e9b02448bcc4a9a4c1a8cf0aae7b12794c442abf426f37631c8c939cfdc30ac23dd36fd550779534b5a5c18fd4f95d511eb247b930771ff7b6e555d7174242692288596763645a2c5635182b0b4b52a22329862b292d6fa446c29dd430810ae42ec4505c91841b24c3dff23bd48c1a213dc557a3e3102ca6d91a18ebee5a91a496fcc353cb32a339291ee68cb16eb9eed4bd1f7ec3f441a19e86a80b1ce0eb015099f80f4d78f0792f3110a62d2d60a65785cc00c4676b751d8f01c6dfebba2691398605cb18a8057a007a7e2822601f5697fcb0d9f8611b585ad25e5d1ef1efd7fda6a4ca54f16c5d5034f078732c2ff390b34b0da599776f267f6c732f8400ae5073ef793f7ddf489cf464f588e4597dacc89de2c16942fe97aeb449bce5ff7d340fb22f50eaad89ed15be1d2dfc96871d34e0a5d5d19e5958dcf9628cbd706e2f20799c540835c3b4c81bb81facfcae4cd67a01e9b07e1ff6d888dbc6966696028cf25db3f61f56102866b20dd7d6481027a63085f2e5bf130f2ca8cbacf59d1d036eaae0ac02792abeff6e8a90e6c4a076d00945a51d6f051b2d5841a4081db2af2e0bd64f1b8ea18aaa4787ff7908fdbaa808346d2991628c717445765786326f0c8adc7ba3723cdc5a607bcaf1a3c128d5dd291cb44c23a49c72b71dbc1f08ceac9870305f68cf9d9866cb026fba3abe82cde926a686a71b08893ac5b678b89455025ff85bcbb82aca185e0cbeda11ca41f37515506592b9c70d04dba0f79dbd1fdeb12ffb5f29af197c4c7dfc7be6702acd130453ebdb030f651714426c1d9aedace82af5756ab4f865ced320fb6c9fda3eb491c3a43dba99e8a2054218939c1438610bd0113a225abef9ca95ee017a4e0be100418dd2bb44c15d77972cc78638dacf58a0f53d1458f3948a6a4f908414eb3f75b3159e1b60dc59e499f14c29f23ccdc2191caa1f2916671cfa299f5114a8c8624970b1e9b0f69a28c25166e25bebe6b8cd56d40e2994f8d0af1b1d2a6658bd175e64e175714373e8a66d33e3a57e5177e84b0f600210556e4b08c594dbe68572ebe44d65c0c4838376ce66c89a22df195df1c9bf08da36fc60aabe1de64fa2800a57f92b40b8e64b100730023488df2303144f7700db60a2fc6ab832c789316c03d588b28cb4ffaf7bf9cd5cea5c288e63931653a787afc471930fe31324a1fe35a70080312c81342b2896bc1707eafca7ea3672596cb46cf7026946cf5cc632f6610e00ca8dd928c2d3e236304c9a5689a0ce07e7bf5937518f9');



INSERT INTO public.checkpoints VALUES (11, '6c4b7b9258e1a49a53e6b7afe4e73864dfffd036043b0e1751ec673f5b7bc4f7', 1800000000, 'eyJhbGciOiJFZERTQSIsImtpZCI6Ikg3MUtQRDliSmJTTndXSHBGeXd2STdwQVdqb2VyZ1BoOTk4TldlZHRjZ1EiLCJ0eXAiOiJhdWRpdC1jaGVja3BvaW50K2p3dCJ9.eyJudW1iZXIiOjExLCJoYXNoIjoiNmM0YjdiOTI1OGUxYTQ5YTUzZTZiN2FmZTRlNzM4NjRkZmZmZDAzNjA0M2IwZTE3NTFlYzY3M2Y1YjdiYzRmNyIsImF0IjoxODAwMDAwMDAwLjB9.hBfVI0P44jidbzoj0tCgcqO6g0XPZmtdxVckxBJfABVeozCw8Zlt9tvQu0qpV-wOYbdB_h8v13hxI39uoLmiDw');
INSERT INTO public.checkpoints VALUES (20, 'af1657a525fa0df68dcd5cf12b5695f6c5c7418fc7dfc61c45d1c9dbcd45b3b3', 1800000001, 'eyJhbGciOiJFZERTQSIsImtpZCI6Ikg3MUtQRDliSmJTTndXSHBGeXd2STdwQVdqb2VyZ1BoOTk4TldlZHRjZ1EiLCJ0eXAiOiJhdWRpdC1jaGVja3BvaW50K2p3dCJ9.eyJudW1iZXIiOjIwLCJoYXNoIjoiYWYxNjU3YTUyNWZhMGRmNjhkY2Q1Y2YxMmI1Njk1ZjZjNWM3NDE4ZmM3ZGZjNjFjNDVkMWM5ZGJjZDQ1YjNiMyIsImF0IjoxODAwMDAwMDAxLjB9.NbvHrKwBYfGGsD2cNghyz2JirjW6sQA0KK7Xzv-2u1rtiahAxWKMyrq17HWPDKYWZKpVZdauA6_sPrnSCDPHBg');



INSERT INTO public.codes VALUES ('ca6e924717f9d6c732a6ad19a06c6190e80c6c5c932afb1686533dac2f7ae3a8', 'transaction-bob', 'passports', 'account-bob', 'sub-of-bob-passports', 'pushed-bob', 1800000000, 1800000060, '{"v":1,"r":{"redirect_uri":"https://passports.example/back","scope":["openid","profile"],"nonce":"nonce","code_challenge":"challenge","dpop_jkt":"thumbprint"}}', '\x014075fa53e8c602f6a369a1ce3197c8b22262ab5032b07efaf7238d5ae481ad0911bc0299c4056907ea367dcb60540cfbfb7b5bb1c77aee58479d6b0da4b7369ab69164c54f1b119c1a7d48ed6e1e1487b2dfe602108ba838d43f15e8894d753b36628acb616f3190e413a2f506fd3355e6717a32f00357aa6bc2ea78eafb6cb95c56cebab68882941a1c1eaf07dc53f9b91e4e9673fb2dc0b6cce5e2ccef7ae3eb393e24f6ba04618dcd024a5f7ed0e4466f469b96fba08703a66c5fc84aef3269367632a58e0932c029f4350f6cdb26ecf11321d1754e97aa7706ed72adcd04c309e24215f4f574b343aec38cd8bdcc426247a7e2d14161a9bbf2ecbe18fa8df982c03414c4a899e5c81d159f17aee3ed8b187c1d25640202ff1aa6e1f470a1a9df122e1bc059bff8d215f9356f95da93bd1eff678e24622344477032482d161a0dbff0f092106eff30fe88b6d6f362b66ba15a6caa62326e59ccd586724b42f11968a93565f5e93cf549271cda11654f1df5be991516713ef95b77edca298a656ec927c227bfc873a5740a71f7cdb61fdd9206a64e2742059c61111e2fb18ce99e21704ec7749e7acc021ef3b521cf4c9429a38f1ae15081fc9e24b16f8414640c40f900eb54915f38db7ded807cdbc8f34b5e5babcd56599fc0176860bf3ed77f44c6356259e238b7de5e55ece827c330de80852ca4c09e9793be982987b280d662472fa7eab728b74a4df4ca6ecd118c33f7791693d0a7784a76a4a3539fba462f2fb1b5395d227874b56e13271262e50547d11f7fe43d93308414411121ebd029cfcce02dbe76eaf65621c386f6bd9f345a646748e78c7a4fdd40ff9b3f6d8a6b6dfc9e09d4343d4b80ebbb10bfe0688c', 2, NULL, NULL, 'sid-bob');
INSERT INTO public.codes VALUES ('50fb8d04b936292d95559be2cd958a81a05c0570672240febb9cba139fe32836', 'transaction-dan', 'passports', 'account-dan', 'sub-of-dan-passports', 'pushed-dan', 1800000000, 1800000060, '{"v":1,"r":{"redirect_uri":"https://passports.example/back","scope":["openid","profile"],"nonce":"nonce","code_challenge":"challenge","dpop_jkt":"thumbprint"}}', '\x014075fa53e8c602f6a369a1ce3197c8b22262ab50bd9b407f744286e91514a75880887b91f5e0cd27420ae7f61ddd43fcb43a8b40b89695172cfebd1629ea4c954be610a77bfc288149f074185d937974ae40634f7f13e8411227617214a7c536870f052a1fcfbcaae3b0c39e44cab1cbcae829078105aa1f2356d8fa833312b78ea6a86cfc8e5b8579202170fcd05ba4a505d59d30e5f37d0e5b8bce4d0cc247a68aa566cd2ce1576141505011e47f30dc114477f240a5e9b9a5891589ae00face452f6ba1084dbc01c17dbb401fc674e1ffc80157dd64d34f717f193549dc4bb0b12fdcf4714b2f3b0061004b0f14cdce1474472985fa0e884ef6ac44c3caa5410368ed94fde4c516c669a567209c559b3896bfe8c1a2b74e87ee0f9a05a5b5cbea9f6271e55c88de641ec7bd649f3fe1fb86c6845c393c3c70f27083ee4fc240ac3fa20bbeb6387015720dcbe150917538e461c5a90fc66e268e1ed2a6b177af9d0de0ac08813907b8f51f965f0cdb94b71ee5a51cc930af7931182206e9221a0571409ceb856f57ae3771f99258f01060c94724486dcc8a982cae8c61000d389438df992d31a677aa09f5261ae16dd96a3466bcc3ed9d65947112b6654cc18cb7d0d95bb383a93220b1d35e7ad65043c3334f269761df5f380ceec8e7814275dfcf0c833a426babec90c5a176da7753bf1239cb6ca374e55aeafa7e78c42b19ea2003b14b7feec425f307077743f5ae61d761783e15c0d424f0dfc4e9f453c1f7d6288d68a29436933e524031c75f6a928085dc0ae6bb27affa91a4dccc77881e1dde4f9615db11d4ee08643a030a4abbab0e94ecec82b586f0af7b7a5a8e69e647c58a854d52968a885443fe6b42b29489', 2, NULL, NULL, 'sid-dan');
INSERT INTO public.codes VALUES ('c795b5fc50c374eac33b01fa3c410dbe07f1e45c6c651514838c82aa64678771', 'transaction-cat-tax', 'tax', 'account-cat', 'sub-of-cat-tax', 'pushed-cat-tax', 1800000000, 1800000060, '{"v":1,"r":{"redirect_uri":"https://passports.example/back","scope":["openid","profile"],"nonce":"nonce","code_challenge":"challenge","dpop_jkt":"thumbprint"}}', '\x014075fa53e8c602f6a369a1ce3197c8b22262ab508710ee85605eac1950b67ce6b647b681af765028516c543ca5e2916fcae654b1cfcd8fedb1199882d0ca1755ba814da1476397bba1360fb782b9059ff31d5c55823488edf1b26a45d378d2142cfacbc427fe283538713d1a879783ed2e38b467636264f137765d2b94fa1a66ff7724b4f408822c57d1b46b9573804e6c241da3394de834cc43227fc41b2d9d02ab2a138f50ef04a8bb7ca316a4ab7f4c315b5be049427674ab5a843e9a244543988678bf8c8147c1583f065fad3d22cec3717d842db967cb0f5ac30357682ade5c811cb29cdcc030230745ac47dbc1e172eaff63126aac690b3bc770e9489b186afcdc31b47f1a6a4bd8eca57192c83f3a16f26a08902d2aea24249828a186f25dc14eace7cfda1520fa488768d2934288575156c772f0c48b61b5213c2ae26203939c69cbc85814fa1f98c30c8d8c3e16dfdf9644c0303e85f91ab2ec47057438b04d74c2f0349d349dc7d09b783bf8f43e065f836a4f68438666af46c9bae70e31138c809fad7cc9de2a4c6d09e40c163e337801174471c8e6cd6c97e4e723a66cb62c4c316cfd0c3c13d3851618a355a464e906f1486a599bb404b41f5b9364b48ba010775e7f482d83e99da505314dcb47b578b8414b2ecf8e5fa3069efa82fcacb05369f67731a5bbe35d9065932d8a2a623d4869d4bcaff6ea4b002ee668404216ccea634e4f85ee6159f9ffb50fc0bf117b7b8c6a09014405c087380b92922aee43fa4533b6bcc8a1e53e2c75692e23f08cf91700f6a8ab11ad52656763ec9cbf5695a00795fa4e1e08ca5829f9acc8af98369dde495c7854a534253790624407e8bb1561ad96a5f1c5e4bea3d858', 2, NULL, NULL, 'sid-cat');
INSERT INTO public.codes VALUES ('b1f1dde71b8d3c6a5cf66a6010ea2a972394a18b73021019436cd69932f14777', 'transaction-ann', 'passports', 'account-ann', 'sub-of-ann-passports', 'pushed-ann', 1800000000, 1800000060, '{"v":1,"r":{"redirect_uri":"https://passports.example/back","scope":["openid","profile"],"nonce":"nonce","code_challenge":"challenge","dpop_jkt":"thumbprint"}}', NULL, 2, 1800000000, 'grant-ann', 'sid-ann');
INSERT INTO public.codes VALUES ('6d6d84f361920214f33d8d52955b535ef537517aba4f8c900a8004db09acb7b8', 'transaction-cat', 'passports', 'account-cat', 'sub-of-cat-passports', 'pushed-cat', 1800000000, 1800000060, '{"v":1,"r":{"redirect_uri":"https://passports.example/back","scope":["openid","profile"],"nonce":"nonce","code_challenge":"challenge","dpop_jkt":"thumbprint"}}', NULL, 2, 1800000000, 'grant-cat', 'sid-cat');
INSERT INTO public.codes VALUES ('78c957f9b3c138478fed16d312ac1b1b08f8f8f1122eae6df851dac040874287', 'transaction-eve', 'passports', 'account-eve', 'sub-of-eve-passports', 'pushed-eve', 1800000000, 1800000060, '{"v":1,"r":{"redirect_uri":"https://passports.example/back","scope":["openid","profile"],"nonce":"nonce","code_challenge":"challenge","dpop_jkt":"thumbprint"}}', NULL, 2, 1800000000, 'grant-eve', 'sid-eve');



INSERT INTO public.deliveries VALUES ('logout:sid-cat:passports', 'backchannel_logout', 'passports', 1800000000, 1800003600, 0, 0, NULL, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab50694938848ff895a614e1476e60ea4d5d6cfffbeadd998c8e9d9255dfe997a26853a1954c64813ed014d85fb77c3293d075bc06be4677bffcb655fa52f4cc9c6874b3ac82eeeedba5f043cc68a3b81cad63d8af796c2600304cf7b88e35116454a3d2f4f364e7d8046c417f556092546d6cb54bc56a3b9bb91c66ebafc08bce1a3a5251a9c871d08877d4096727078dc9ce9dc16bba04fbd7545f3218abe159f00abf3bf3eb0e1ae50c9cb8fa73ef81c337de07cda333dccd797ce8fabbb5ad98e8a56edac8d958f54fba805cc54d55a982390b38d4e80f19713d7ddc74d3');
INSERT INTO public.deliveries VALUES ('logout:sid-cat:tax', 'backchannel_logout', 'tax', 1800000000, 1800003600, 0, 0, NULL, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab50d15926750e637d1053a4456fa608fddd3068b6d75d07e07c9b835c4337a636d869bce9f665547b594c58373e9cc19fd70bf3abda4cf859aa781921a4de2baf3921c32fc5f0a12404f63e0939f7e9cd67123c8acfdbe8f68807c3fcf722e59e08e06c5c53cdd3f7dffe052002e69c6f9e85a5f27019e2a816d25a8c63cbedf78855580a50692fea9c4e3fc9adbab8159942507f3286a39c56464963cf06bd4c08eb1aaf750cc3441944dc12bb9f38110a36c56bc2fcbaf6cd280a0af33adc1155ea27e4e8a60dcda8d6070631');
INSERT INTO public.deliveries VALUES ('logout:sid-dan:passports', 'backchannel_logout', 'passports', 1800000000, 1800003600, 0, 0, NULL, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab5080597ea9d89659aa3732a09985fdb4aa56caec26a2fd03137f3ee58d074aff9b888953ea4436a2db3645d60860d48926b62c0ab3626781118e959a73661101dc4d1b6bf422b5d4ac8aaa0d5e45be6d3fff31fc358de250f16b1d5055a0624e149e1e71cb1bd84b924e10a93a3e6b12303a912631605423bdbce35097754de514b1dd11b41f12b92c7af3609c140d433cbf6d6d3fa258b40e8d65d7962b52d03f6a37d8925a7c52e452e96e3b57c142472517257e1b60a326da92baa29ae549d0173173488dcff16fea9c3c46f69c630d336ec256bea7dc0a2fb26db3b7f5');



INSERT INTO public.digest_keys VALUES ('identity', '\x014075fa53e8c602f6a369a1ce3197c8b22262ab50325f63df9b5c82826aee38acfdd9c8f4072329e39aa1088d84e0357955f8d71478c02e555b5e96965750065124d1c227f3e8e96e6bd14ad70cb654bb');
INSERT INTO public.digest_keys VALUES ('case mark', '\x014075fa53e8c602f6a369a1ce3197c8b22262ab508bfac3e430bd5465f51a17141bb2bad67e8a0d55879908453dbef0cbf9b051972b25de8f4a0aec51e961117d91ef5ac077c04d1924cfa96c58aa8e05');



INSERT INTO public.grants VALUES ('grant-ann', 'passports', 'account-ann', 'sub-of-ann-passports', 1800000000, 1800086400, '{"v":1,"r":{"scope":["openid","profile"],"nonce":"nonce","dpop_jkt":"thumbprint"}}', '\x014075fa53e8c602f6a369a1ce3197c8b22262ab501dc2727a11a46372a6e01f62d8b31b73774155cc506b3e31e2ae1d2f9d37d8e202164102d94ccc30424160f6933b85bdc0f2083506969a217c01ccae3c7f8632945562b61f8b27b97565c2d8ef3d53eb89287a9c236637cfa3bb63a20b03bae3cd9fa408766fd4ad22af71940e2c94b6d387eab3e8897669ffbff744f38b0ad3f699f1d7d1ce9d1b84915b2709a5d0b2551405a370d7c366037e2a1f7e5dc6ac2a564c424d4bdcab5ac0500632a08c739e31a84bf0661161639e6b263ef04ba2afee48bb5e771ef614e7287e830c24230fe5314939ee92e074de6c74e53fa31ea38591501f57f88ab952721e2f670c62ae49096cfffb60f527354a69901b4d630598c9e0858d80feba6db52554257c835309af3cab440033fa50df7e9ab82a96c6a3971a41906f1b1819dc1e1b4c9b246600e4edfb28f64395f73acc9f2843b4ed3b7095a9da38eabee5d13eba129c04a02916e448baf45499d03737b49a9de4dc026f352395b6e3d6e9f292895d4c562ac60728895e5969d589486f4d930f9758fe03dee8a8dc2466330d9d34188f38645b16a84f60afc43aada7b45930033df54e6a86a2d4c82a699aa442602e328ad6105ab664b8ef8ac87d496e35c8a95be4631dee2bbbef4348257573361bc98ee2882dcf3b8766d6840330456db2e37a0d0794d793870400776735f2318734454ec67eb38e1b05b4ae1e4af714c6ae4c4211cfdf8ae32113b4b6a67c99ed3054c2eee4f4706db5f71578cc027db146c3ac792529be7f0a143dc71b811d76717619c420749daf083fcbac63308b44264cb02bd212c5dfe4b323a439b5439f1e05e57fdc70637ed39350b36392ec92a2', 2, NULL, 'sid-ann');
INSERT INTO public.grants VALUES ('grant-eve', 'passports', 'account-eve', 'sub-of-eve-passports', 1800000000, 1800086400, '{"v":1,"r":{"scope":["openid","offline_access"],"nonce":"nonce","dpop_jkt":"thumbprint"}}', '\x014075fa53e8c602f6a369a1ce3197c8b22262ab5053bff945f290833121210bf8aeb531e5219dfa3053a283e7a3362a11688c0ad6cad7673d98947b7e63d01dbb2eee58050539a681051d9ed6e117124ed7cdc8132211efcefead00ceb1d1cdc477b63491c597340c88899516eb54fa3273df95232792715bcaa52c5e66aa9e76960eeb2ea65bfb93275d37cad9dc32e721759a3e26a4fca86da4361a71a5653dccb77c5e9a5c1a0d0a1ff5b5076916e505eb1b5d9e967e63ef1b894c9c7016929760fee649e3cc80731c2fd67f9a0d0f2d5651dc3d178a82a323dbfecc3aa8f7ccdcb6f8b8b1dd77094f1eab1a7ae12a3382c281344e106d2a1c4a93b4596c2040cd2c63901d7358a9b1a88aac1235c304291f91b8243b90cee2f7e71f48ea2b292b00a18d16fea59a3f985d36b047f6a0e97c21223981fd206505f4fe3478272b9608a51443320a8a02225861913719dd29cb58b8aae8ae2b253368b08c8d253e022dcbbc377e593211bf7c9ca9f0fb07e650979f98d8cf1da228ac799c91104d272f33a022f95dd8c1a74a30f74cbe0d8bddd9b6b32a437ffab3734cf571522fc109825d3a18eb0b32e8723cec87304cd1bf123dcab9bb530ae98f02d6d1aec873e6d9f7941458ae919358ad62d4f4b38ecea0b803127a3856983756cb996d5e6d2df8093918fdc3eceffb9151c80f46ea5b9ad2286006cc00a74b556b83f3f91c352f24eae726ff310eb90384b998d543a0d3b9554fd684821a56b29a6d835d1e5fcad4ce4aac1eb6a39515cc6855c400a692d8494138c9ed1b2db2972eb2bf88c3fad93274610ec013e6c3affba4381213b108721241935fd8e2cca2ad12f786b5efee8a30d2cc28ef7353e6b04a743610', 2, NULL, NULL);
INSERT INTO public.grants VALUES ('grant-cat', 'passports', 'account-cat', 'sub-of-cat-passports', 1800000000, 1800086400, '{"v":1,"r":{"scope":["openid"],"nonce":"nonce","dpop_jkt":"thumbprint"}}', NULL, 2, 1800000000, 'sid-cat');



INSERT INTO public.identities VALUES ('https://bank.example', 'IRMn-9PwotGSgn64l16eZ65rbHovU6ql9ZBCP6VvMKQ', '\x014075fa53e8c602f6a369a1ce3197c8b22262ab503c6a6ea7f10f923e62ea40c8e1e95ff9796a3faf060fbb9aabb28ef25509976d3f5f75598550bc', 'account-ann', 1800000000);
INSERT INTO public.identities VALUES ('https://bank.example', 'M0tx_BQq-67gc_wne4UMNYNwYd5OipRSGCbjQsQ7Sns', '\x014075fa53e8c602f6a369a1ce3197c8b22262ab5016bb753b6c96119f1ba5c2ea6aeeeac834f17c91b4bd2cbd11d046534d5c3d7d09d34882bb9773', 'account-bob', 1800000000);
INSERT INTO public.identities VALUES ('https://bank.example', 'a49YYLKgxUHIgpLm55AuZbWFp733z6rqgJaQPIjojmM', '\x014075fa53e8c602f6a369a1ce3197c8b22262ab50285011cefa78c09a455fcc0cb4a35030da219de58d51bd4e6d04b403997dfa2c7697740cb6c3ed', 'account-cat', 1800000000);
INSERT INTO public.identities VALUES ('https://bank.example', '-hZDTdhCncx--_CIr0yr8u8kvhzg5_6hw_Z5oWNu1uM', '\x014075fa53e8c602f6a369a1ce3197c8b22262ab503fe2b84fb2c9eaa4de064491e14373b871b0d0b06108f3a8b372298ce50bff5567ebb5fa559519', 'account-dan', 1800000000);
INSERT INTO public.identities VALUES ('https://bank.example', 'cB8jW7BSQAyj57w_3TKZ2Se4jHjmME3i-xY6dZiHImI', '\x014075fa53e8c602f6a369a1ce3197c8b22262ab50b107e935654c8e1472d992cdea18f850ed75661ae68838ca41a0f964f1470c8f067a682f27655f', 'account-eve', 1800000000);



INSERT INTO public.marks VALUES ('epoch', 2);
INSERT INTO public.marks VALUES ('time_resets', 1);
INSERT INTO public.marks VALUES ('time', 0);
INSERT INTO public.marks VALUES ('reload', 1);
INSERT INTO public.marks VALUES ('switches', 4);



INSERT INTO public.notices VALUES ('n-question', 1800000000, 1800000600, 0, 0, NULL, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab5041948e463623d523d24b7c74ca5da4cea09b71ffbdf81e03c029e87e5d1cbcb25b206cc372b3d66d8fce64dc7b332df97edff220ae52b14ab8b1e7c1f476f9a015640b96ebe21ca4e9c318948afd456d1fc70916e818d2412794a847559a7cf6803046131c6dc243ded170bd004946a8919ca20e3808191703ccd73f8215b8ab823494c67a40797271cc2e53228a6dc92571e09aab4b2c3f2c5b46c653b4540b2b68f3646903451c9cb354b5cd384dcefdf2990b2bb3d89680228e2c5905ad4eb350dd54b42fd5c4a059fbe199d2b59923f1e2b41413165ef5a1e356');
INSERT INTO public.notices VALUES ('n-case-claimed', 1800000000, 1800000600, 0, 0, NULL, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab507af487bb2193516832615958462623f9ecaf9d13079183de77c3c9dd47510ec6b37f7b685f006fbda9c7828b751d2277e7780e4455a2b603e1e5e87971d8dd84e1e323919afa726bac70675dbd521cdd433a7b83dc3ca59044168614274ae8651909c6f5130acce49da0e30f1bdf762940139cb0290b60cbd12887e775e307557b33281dbf942b4a15fb836a139e8f80c0e0d11a31a35bdcc243b9694e1e250b3c324e757bc9caed9cf06820d8cb1bcb77ce46717684f0a0f30174e84a32f7eb7a9761e0ce594a77feabeeef5d53d4c5f1cdd0a685f271771d3c01da544a9f32');
INSERT INTO public.notices VALUES ('n-case-queued', 1800000000, 1800000600, 0, 0, NULL, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab50f759aaef6aa3eef53262ef23456aed91fc7df0a2d42441ebd219fb462830cd4f4f56423e545d237bca775a708215b4321a4bc5f02ae0ccfefcdcd00e80b14b7925f6bae14dcddcbb3a72075d1a9941054051db21066d51d162d9fa6d07c03d0356bc27b10d4e331432f901311fa50011146411ddfcdbabb8d885d930fb49cfacd73b8694f4bc76d5cc0f658ab0d7511b80f9a74d73fd9327b1087dd44858676e63506de8c361086be9fc558f7e341151dea1c6445d49986b3f01f6df5708e796e9e2e407eefb9cb87b1d1d53d63d1be9ec1858ef97cbf1985a70d5e09b4125');
INSERT INTO public.notices VALUES ('n-case-declined', 1800000000, 1800000600, 0, 0, 1800000000, NULL);



INSERT INTO public.questions VALUES ('question-staff', NULL, '6122060efbdbe59e47e597929d40354021e7a9d37a46656ff72436c27796f46e', 'passports', NULL, 'case-claimed', 'waiting', 1800000000, 1800000600, NULL, 5, false, false, NULL, 0, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab503b9ace931872e59131af897cc53edab6771af0074e6d622fbd0fce50475cbfb515cc46b03727dde636fafc52b9114438ce35b3e34c584059adb5c793896a067fe47afd925fcbb93f9c4938d9bb9ca71ac2ad28aa25ff000153bc4f2da03198865b416c3c1609d7d0aec2bf2f5a9e8d80d36d34afd361c727e2f5627503e9a9adfdba2aa0b4500703a52624de7606ca971df833193573fb5822211e3cee2484410b953f4f1e06809b5c4ba8d60e12b01f134fd5a8881bb7f51af4f47d87e937ca40f05edb69db9fb9aecd41f5b0bc89d67a310fe72e43b60dec9decd0c327bd35aa42ee3c9a8e4d1399cc24baeda4c01a6cb6d085e1252ffd0f7fbf2e1479693138656428cf1260db1445201ed43c1d47151148f77414eb354a0ce582add8d8dfe97dd21a1f2d6076256f1fca0597b226de92c529ec578c057aafbe38ae59cd03d37199b17850ec7a50d18ca9efe91f0a8fd3b1e1c413d6e0fe01346fa23b547429704eea3c68b4f3ef52d8586814a2443ca9e13f', 2);
INSERT INTO public.questions VALUES ('question-declined', '43ca79910d735b32732a96c73966e37bb865f1cc25b1edaa0f6c00177603fa1a', '14da14ae6df6394f0b9c06e682efda03ebe714ef74479d5b6c9a91a6e3a579e9', 'passports', 'account-ann', 'case-claimed', 'declined', 1800000000, 1800000600, NULL, 5, false, true, 1800000000, 0, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab50b455ec1f5f68a6461b9b6a8b05260d72e2e7c86b740528768cae5a66278b060d404c0fb967e0ce24fbd3e727946a01459fde9bf6470a72488a2778a41abbd31c922dc534436b72748ac171908d94402150c685d940a7fe30fac572f3a9cc442183da8d41b1775d879e11fe6bf49d725a59d49bb1c19aebc1752eb2ed7d0f4f92467a0f9811e0667dd0f5d3e31a3cfaa38a27a4f8fadf90fba16ea11e704e5f7402f5601e20e9dd1743837d6fb3b716ee09c9e29a69d28f05d734c5ec1b92acf03a7eafb7509decd6a2b54daaa0fc36c4ebaf84d3d0a5b4f7873ab93f44bbe97a0bd49f94600f2d9ebdb2b522d26c5b3322476831648421a2979b5006337a20806e49b477f7eaf79a8467a54c25ba4217131e92a0b191305f963b907ba5ded8c6d9e68d799610846b5f2075f27cea89bc61fcaa7a36423e666eef6faa85f932f337e20a035c8ba0114c233c88852f471d98eb777e7545545c3a9cee413c0bbc303bfde236cd34db7c5e4043b6c389085855f3cc56be0750a6a773e43f5c6842fc01a6fa93b57e39247bc3e7c784074995a6a024016128f07c404d0f0204405b038150222029310bccddb0219f23f8027ddd31fae570d7c5f252b8', 2);
INSERT INTO public.questions VALUES ('question-waiting', '3129a8fea00cd61349c793d1c8c6e26bfb4363fd04ed271c373f63a0d71b4625', 'd816b65d9ebdd908d09f627de58c6f5771110d2053670965f2a757a5f472b8a3', 'passports', 'account-ann', 'case-claimed', 'waiting', 1800000000, 1800000600, 1800000000, 5, false, true, NULL, 0, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab50d2eef9c7ebe5159445b3a7a3efb6f8972cdd7c8dc4065a65efe70b01172d7ca16360d9a9fab6d6e0615bef56bb380ae3f05376922dfbce38d1399d4fba0e4e11bf58cd009e7e388150f28d7babc7c73a92f741fa6f662ac933bc8b3419e7572916025f68e459fd8702dfd41ae182b33bdb347c07ceeb6fdd0a821d5a51b2ff636008960a6f8ee28c74f42051c0459d5ed99fabd1c5c17142f369cbc8ea492b78fcdba0134e5d16ddad0ee1bcfcee66a1864be672ace737eef6e5909f96cd5cc7850469724fda03bf52c76479cdf59a8d15863a6e8797407eb7dce24d5e0a32921347caac569f83788a3efe11f03a06d0e3656a19d23f64dde9db1ecbe2d468359d0bfe22c37d93184e7e146944b4d60be21f49d216ffa64efa9918468627182faa6ff6d2d69a42df90b607b87156732f8c9d734edd4357b7f5c2573fddeca9b0328bc2416323182cf65a0c6e4588778481eed7381e933f08304ffe92f270cf1b4ae20401935e640c0ff86e6870f5f9c5c61a662439dc357ba9c391eb21f78ba857b57105f261540e83cb377b79501c4b3af21bcbddbc1a26f3165308be74878c7a411c46fdf9097ce2ba9bc525e5eefeff879267c9dd20', 2);



INSERT INTO public.session_services VALUES ('sid-ann', 'passports', 'sub-of-ann-passports', 1800000000, 1800000000, 1800003600);
INSERT INTO public.session_services VALUES ('sid-bob', 'passports', 'sub-of-bob-passports', 1800000000, 1800000000, 1800003600);
INSERT INTO public.session_services VALUES ('sid-cat', 'passports', 'sub-of-cat-passports', 1800000000, 1800000000, 1800003600);
INSERT INTO public.session_services VALUES ('sid-dan', 'passports', 'sub-of-dan-passports', 1800000000, 1800000000, 1800003600);
INSERT INTO public.session_services VALUES ('sid-eve', 'passports', 'sub-of-eve-passports', 1800000000, 1800000000, 1800003600);
INSERT INTO public.session_services VALUES ('sid-cat', 'tax', 'sub-of-cat-tax', 1800000000, 1800000000, 1800003600);



INSERT INTO public.sessions VALUES ('3d609c29dedd5292849c0d73fa3cdf77276fcb6a11a88de886f58379fec2f139', 'sid-ann', 'account-ann', 1800000000, 1800000001, 1800003600, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab5035bec01a9ec2c71f6f5122d4f74d8d41a1ee7e0e2bfe50c67fc05420765fd2e44507e124a85f7fe384208bdf8ca408e435271fb4645eaa764a82faf43d0ae4756bb34e3a850008a3412b7bb44a5605ea397df2d7a7b380e9be51b100d4ed37ca920d21e30723dac30bf55caf13cd1e5e1043011a9b7c1d474b1740ab3c5cc620c02a64c45692b81155ba1b620d8243241ef81831a4da8d7854c79c385eb1cebbed29f0c383e93fe0d93900338a71f6eb75a5c3c79cbde30ee5ee8f0e6c613a85be0ed44fc5885dd0d02075821237043c773a07fcc808b921ac37d1e8438a82254bfaed06c29847e658ecbede81c7065f10b9c9e5ddff0a82c75854cec7f45b2ad434f5aed39b875abf16c7bf4f5adaf6eb171bc74d70f04eb739cd4a8f9efb9a7f4374ca0a623ddd28f540bc2062b89177d200614818848bc669078bb88c851696a69bad0eecbe82521ef0f532d9781c9e01a788ccefb1c85a81534af40e663f57f66b518cb6d8da4d0d9785caa349793d1d28eb6668f91e792ac3d3f0648309cbe7918efb151e49a8a9a6f36b5bb5a6e11a89fff5d0e1ded05343abb88872bb5d51f4c80f6cfa80d88dbfeda7ffc716bea7e1fdb05fa938ddf36248a3cf29cbf1dcb44fe6f3ca941f9c71fb8dd0e50420e3499fae5f5f39cb4e0be52646fb28ae0afbd25a796ac298753317e505b395adb8c9455c01f45dfce4f4a84e23e27e636280fee7d2756be604f82f9a1bcea5db5e32bd0a2064ba532e6f1f818afa8ac59d0f874546a1b2ee3dabf280f07f5c485c69a5a985c48eea929f5505ee89549eb178f67c20a148', 2, NULL);
INSERT INTO public.sessions VALUES ('f217023f6d9948f314328298addbd2f586353b4ef48936398db59590787dfb91', 'sid-bob', 'account-bob', 1800000000, 1800000001, 1800003600, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab50660b655cc50218c8f3fe250897cebcdc55bf6604cc3469136a141723f515026858ea8f048a0eedfdd9d5133c515c2ffc170ccb705519ca13e8cb3e7c88a834081ac3acd1be0a28d5ea51d6ed6f79ee1b5b4bee0c74eb3094381b5d1d2fae75c2bbf872de143e048790c4ba65bb696ff08d241914925f334a5540098ca95b3af48e8e0b705ccd710e811d86b5eedd8d36a51887545863da3c6463820347ca87771a80937213e6f8f2f76931ad2c80f3e4a45c2800546aa6bd44c205e77cd3b10c563f1d638e400599d2f1a8984379827cce9868844c13a433a14be77507679cf0a21d56a15c44eb37196c672d95b2f346afa3daad33d299f0503f248ecc0a97f5e7648b90accd3d9a9e60ff3051323af869679b78eb518aab18f7835d1ae43839836d18c310fe36bfb6cffdac1e000473470a7e362e1208e33c9b39b4fd54a395fcfc7b30a374b20dc1a8c99a94416eeed214a0f224c2a6d4ac5f17d25f7ef0e069b5dc83bb79bbd7a780841c6cc3fd93b08bced22d760ce2657c1a35e2049f23828308837c1504ccdfc7e61c34c39c5d53f5879c6fc22f3ea4ae62d10705fe2150a64ba490d1e05dd4ab1b206d4f75a80e92ee15893420fb3a9d35b1144e6fe586eec9b9ac7bfdd9e2e253f8dae02a4021fe5e4a4476f72ade8e6a00b8678385e104991bcb2e348273271271cef79e352ad61242bfb77f4deb50fd25833bbe38b96d51762682caa1d64faa025fdf956303089b5512de7be35a64e6525ced3579c6cb4f7ea28440c6ea3c45005a43d27a55ec0bb8f8c2f05c248f798d65e643233576b40fc5983b4d', 2, NULL);
INSERT INTO public.sessions VALUES ('3ae08d442e7e0cd5e13830b8a683659089f8286ff1256d5b8037b73e9ea4d86d', 'sid-eve', 'account-eve', 1800000000, 1800000001, 1800003600, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab502fb3ba25482b1c5733776e75760f8831e3b570a7d4b535ab412e5a5b38adf0f37ebdd73371e75ed44dcf913a4bcce1e3fdb2a73d7aff7870ea9cf11b1f28caf3acc5ca06675f8a124c7424069ee84b09652bcb134f6bc509ce099af8df5ada960ed0aff7fcdeadcf807225252f2a4974b983516414b8becf5520464f34a5a14f07ea4d9cf5d45f8a01d89147a8ca250b615d8aadc2b0b7de04ffe6e24182af5747c51f4ab88ad5448d20d3a24b4cd4caa68db08322491dcca0bf7b7fcdbce927793a21d59dd22ac3916e5293cec4b5b6b0ab823905bb4e7b3ae4b4307776c46496d21f31909e1bb353679718872bd167d8ce73eaf3f83224cdd73379f89233676eaa335acbcca5fad26a288f761385bf3d26638ecf78c67fe8cce1f3b2113d933e494f51642192607d7ebcdcc8a02e8b7267b348b814e4c6a84e2c167dfe67a90ad11d703c9e223aab30cc327244c67096f00066bc528c13314fb417a900ab08e56d346d245b2374087fe31c61ebe5f810576b927a45d1b32e3309343d30a11be1e31ec451f80df1aa1f620b1219023a9fcd779905bdf339ab3af1fa31bc6162c7250c8452e38f173605ed8b306931179b777111be102fc7034622f7f9be722a558d34906d8975dad12ae570cf5097c06fae7c17cb4db66eab52aa96bd33d302f855bb5f631b7e66604b964662bb9d5361901c203ba4e2767418cd2d8234818c6c044ac5d5e67874c0de64d849c2b8d6ccd5a2f87313870bbe084f566e19732b3dc7bd7ad5bdc4105412dc4b4b2bdfaeee3f3309b9f3fd11aef344ed15d98255e40517121a12da9d', 2, NULL);
INSERT INTO public.sessions VALUES ('27e64cab73acf3fa21a849f778fcb5ab3a8ebc0bd7f8174c7cdbbf23b81d6929', 'sid-cat', 'account-cat', 1800000000, 1800000001, 1800003600, NULL, 2, 1800000000);
INSERT INTO public.sessions VALUES ('f4ecc24bbe35e68ca7be6bf0e2d49ee536317ca8ae9d7bad2cbe176cbd89bd97', 'sid-dan', 'account-dan', 1800000000, 1800000001, 1800003600, NULL, 2, 1800000000);



INSERT INTO public.shares VALUES ('account-ann', 'passports', 'address', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-ann', 'passports', 'given_name', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-ann', 'passports', 'sub', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-bob', 'passports', 'address', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-bob', 'passports', 'given_name', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-bob', 'passports', 'sub', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-cat', 'passports', 'address', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-cat', 'passports', 'given_name', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-cat', 'passports', 'sub', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-dan', 'passports', 'address', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-dan', 'passports', 'given_name', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-dan', 'passports', 'sub', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-eve', 'passports', 'address', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-eve', 'passports', 'given_name', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-eve', 'passports', 'sub', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-cat', 'tax', 'address', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-cat', 'tax', 'given_name', 1800000000, 1800000000);
INSERT INTO public.shares VALUES ('account-cat', 'tax', 'sub', 1800000000, 1800000000);



INSERT INTO public.staff_attempts VALUES ('0aa1b6bf12d2a86671f436fa750c94652acaf8530a716d1ec4c4d6c65d68a344', 1800000600, '\x014075fa53e8c602f6a369a1ce3197c8b22262ab5068685e1005ed376a29f65d6006ccacea06b6c3e94e6607c2cae3d7884a31b49be9057cf4f66f3320b71952342333c733d157c99281c54a70ef7dc3ae5b9e1399dc04a3f4344f53eb433a7be317291e4eebe2c19721246817b882ecf24b125232159ef48fb59e0b3cb18d402cf966150e7cc5421558c4382489619827c688274ee548305159297fe4e1bcbf0e3061dbb396d3379a325d66bf21ca724648f213d1de55531b56d551207f71e3d711df3eb8c163e2084b40430a1b82af3bb20243fb343c25db7a1d43fa7b1a4cf7e5b2cae62791a9551d0ff84d9e46eef8d79f2c464c735a3c2a7d0cafb38ff91ad7c9b672396962757a0b200ff5d36d81727a97d861d5473874b3318c45f57d7f408bd9ed06');



INSERT INTO public.staff_sessions VALUES ('1562206543da764123c21bd524674f0a8aaf49c8a89744c97352fe677f7e4006', 'agent-1', 1800000000, 1800000000, 1800003600, 'AUB1+lPoxgL2o2mhzjGXyLIiYqtQH9x1o5jqsVP0u5ZDa8oNnK6mFdUkokoIBqLJ4fkGMgAoVjcE7jOmxCpBfrKxagJqmKk5ldywzvpmsXGGMrngjcJdVU8GjPDrlNrRukxVFDSalyyX6W1agBiciOOuIjoZoWjXCxOB0kqDxmBVBFcX2LwxuXUV', 2, NULL);



INSERT INTO public.subjects VALUES ('account-ann', 'passports.example', 'sub-of-ann-passports', 1800000000);
INSERT INTO public.subjects VALUES ('account-bob', 'passports.example', 'sub-of-bob-passports', 1800000000);
INSERT INTO public.subjects VALUES ('account-cat', 'passports.example', 'sub-of-cat-passports', 1800000000);
INSERT INTO public.subjects VALUES ('account-dan', 'passports.example', 'sub-of-dan-passports', 1800000000);
INSERT INTO public.subjects VALUES ('account-eve', 'passports.example', 'sub-of-eve-passports', 1800000000);
INSERT INTO public.subjects VALUES ('account-cat', 'tax.example', 'sub-of-cat-tax', 1800000000);



INSERT INTO public.switches VALUES ('provider', 'bank', 'a reason', 'olu', 1800000000);
INSERT INTO public.switches VALUES ('service', 'tax', 'a reason', 'olu', 1800000000);
INSERT INTO public.switches VALUES ('account', 'account-dan', 'a reason', 'olu', 1800000000);



INSERT INTO public.tokens VALUES ('7b4e8b97ccd456ed9d12dd807b487a8091fff529e29fb8034e735ff3d251bce0', 'grant-ann', 'access', 1800000000, 1800000300, 2, NULL, 'other-thumbprint', 'x5t', 'openid');
INSERT INTO public.tokens VALUES ('e6accf4ed737511e2d1ab4526ce8e79d64b562cc8ec0f2c193d4febb83300d68', 'grant-ann', 'refresh', 1800000000, 1800086400, 2, NULL, NULL, NULL, NULL);
INSERT INTO public.tokens VALUES ('2877962ba918d099af20ebf1fd0cdb81af610b78ae0e6da7540aa4bff21f064c', 'grant-eve', 'access', 1800000000, 1800000300, 2, NULL, 'other-thumbprint', 'x5t', 'openid');
INSERT INTO public.tokens VALUES ('1c845ae0d318a896f5939e77f2d42ebf78f29b6116087afb16a386f67c2066fd', 'grant-eve', 'refresh', 1800000000, 1800086400, 2, 1800000000, NULL, NULL, NULL);
INSERT INTO public.tokens VALUES ('1637a0d3bd11a2b8971a02f7c1f094615caf196eb32907851fdb2378daf31919', 'grant-eve', 'access', 1800000000, 1800000300, 2, NULL, NULL, NULL, NULL);
INSERT INTO public.tokens VALUES ('708864368ef3a8dedf86d63d39d59975e452317a0284171cb69b05565d07cdbf', 'grant-eve', 'refresh', 1800000000, 1800086400, 2, NULL, NULL, NULL, NULL);
INSERT INTO public.tokens VALUES ('fa2f100ea49086bf21c87121213b079ba444193320fb14665ff01cd1a599449c', 'grant-cat', 'refresh', 1800000000, 1800086400, 2, 1800000000, NULL, NULL, NULL);
INSERT INTO public.tokens VALUES ('3fb9e74b076fe32db7acea56092f4eb7795d8d5fcec325b149dba4a81f22f828', 'grant-cat', 'access', 1800000000, 1800000300, 2, 1800000000, 'other-thumbprint', 'x5t', 'openid');



SELECT pg_catalog.setval('public.audit_id_seq', 21, true);



ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);



ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT pk_accounts PRIMARY KEY (id);



ALTER TABLE ONLY public.assertions
    ADD CONSTRAINT pk_assertions PRIMARY KEY (client_id, jti);



ALTER TABLE ONLY public.audit
    ADD CONSTRAINT pk_audit PRIMARY KEY (id);



ALTER TABLE ONLY public.case_attempts
    ADD CONSTRAINT pk_case_attempts PRIMARY KEY (case_id, purpose);



ALTER TABLE ONLY public.case_marks
    ADD CONSTRAINT pk_case_marks PRIMARY KEY (case_id, mark);



ALTER TABLE ONLY public.cases
    ADD CONSTRAINT pk_cases PRIMARY KEY (id);



ALTER TABLE ONLY public.checkpoints
    ADD CONSTRAINT pk_checkpoints PRIMARY KEY (number);



ALTER TABLE ONLY public.codes
    ADD CONSTRAINT pk_codes PRIMARY KEY (digest);



ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT pk_deliveries PRIMARY KEY (id);



ALTER TABLE ONLY public.digest_keys
    ADD CONSTRAINT pk_digest_keys PRIMARY KEY (purpose);



ALTER TABLE ONLY public.grants
    ADD CONSTRAINT pk_grants PRIMARY KEY (id);



ALTER TABLE ONLY public.identities
    ADD CONSTRAINT pk_identities PRIMARY KEY (issuer, digest);



ALTER TABLE ONLY public.marks
    ADD CONSTRAINT pk_marks PRIMARY KEY (name);



ALTER TABLE ONLY public.notices
    ADD CONSTRAINT pk_notices PRIMARY KEY (id);



ALTER TABLE ONLY public.questions
    ADD CONSTRAINT pk_questions PRIMARY KEY (id);



ALTER TABLE ONLY public.session_services
    ADD CONSTRAINT pk_session_services PRIMARY KEY (sid, client_id);



ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT pk_sessions PRIMARY KEY (digest);



ALTER TABLE ONLY public.shares
    ADD CONSTRAINT pk_shares PRIMARY KEY (account_id, client_id, claim);



ALTER TABLE ONLY public.staff_attempts
    ADD CONSTRAINT pk_staff_attempts PRIMARY KEY (digest);



ALTER TABLE ONLY public.staff_sessions
    ADD CONSTRAINT pk_staff_sessions PRIMARY KEY (digest);



ALTER TABLE ONLY public.subjects
    ADD CONSTRAINT pk_subjects PRIMARY KEY (account_id, sector);



ALTER TABLE ONLY public.switches
    ADD CONSTRAINT pk_switches PRIMARY KEY (kind, id);



ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT pk_tokens PRIMARY KEY (digest);



ALTER TABLE ONLY public.audit
    ADD CONSTRAINT uq_audit_number UNIQUE (number);



ALTER TABLE ONLY public.cases
    ADD CONSTRAINT uq_cases_continuation UNIQUE (continuation);



ALTER TABLE ONLY public.cases
    ADD CONSTRAINT uq_cases_reference UNIQUE (reference);



ALTER TABLE ONLY public.codes
    ADD CONSTRAINT uq_codes_pushed UNIQUE (pushed);



ALTER TABLE ONLY public.codes
    ADD CONSTRAINT uq_codes_transaction_id UNIQUE (transaction_id);



ALTER TABLE ONLY public.questions
    ADD CONSTRAINT uq_questions_code UNIQUE (code);



ALTER TABLE ONLY public.questions
    ADD CONSTRAINT uq_questions_digest UNIQUE (digest);



ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT uq_sessions_sid UNIQUE (sid);



ALTER TABLE ONLY public.subjects
    ADD CONSTRAINT uq_subjects_sector_sub UNIQUE (sector, sub);



CREATE INDEX ix_assertions_expires ON public.assertions USING btree (expires);



CREATE INDEX ix_audit_unsealed ON public.audit USING btree (id) WHERE (number IS NULL);



CREATE INDEX ix_case_marks_mark ON public.case_marks USING btree (mark);



CREATE INDEX ix_cases_due ON public.cases USING btree (due);



CREATE INDEX ix_cases_holder ON public.cases USING btree (holder);



CREATE INDEX ix_cases_state_deadline_queued ON public.cases USING btree (state, deadline, queued);



CREATE INDEX ix_cases_transaction_id_created ON public.cases USING btree (transaction_id, created);



CREATE INDEX ix_codes_expires ON public.codes USING btree (expires);



CREATE INDEX ix_deliveries_expires ON public.deliveries USING btree (expires);



CREATE INDEX ix_deliveries_waiting ON public.deliveries USING btree (claimed_until) WHERE (sealed IS NOT NULL);



CREATE INDEX ix_grants_expires ON public.grants USING btree (expires);



CREATE INDEX ix_identities_account_id ON public.identities USING btree (account_id);



CREATE INDEX ix_notices_created ON public.notices USING btree (created);



CREATE INDEX ix_questions_case_id ON public.questions USING btree (case_id);



CREATE INDEX ix_questions_expires ON public.questions USING btree (expires);



CREATE INDEX ix_questions_ping_due ON public.questions USING btree (ping_due);



CREATE INDEX ix_session_services_expires ON public.session_services USING btree (expires);



CREATE INDEX ix_sessions_account_id ON public.sessions USING btree (account_id);



CREATE INDEX ix_sessions_expires ON public.sessions USING btree (expires);



CREATE INDEX ix_staff_attempts_expires ON public.staff_attempts USING btree (expires);



CREATE INDEX ix_staff_sessions_expires ON public.staff_sessions USING btree (expires);



CREATE INDEX ix_tokens_expires ON public.tokens USING btree (expires);



CREATE INDEX ix_tokens_grant_id ON public.tokens USING btree (grant_id);



CREATE UNIQUE INDEX uq_audit_fact ON public.audit USING btree (fact, kind);



CREATE UNIQUE INDEX uq_cases_transaction_id ON public.cases USING btree (transaction_id) WHERE is_open;



ALTER TABLE ONLY public.case_marks
    ADD CONSTRAINT fk_case_marks_case_id FOREIGN KEY (case_id) REFERENCES public.cases(id) DEFERRABLE INITIALLY DEFERRED;



ALTER TABLE ONLY public.codes
    ADD CONSTRAINT fk_codes_account_id FOREIGN KEY (account_id) REFERENCES public.accounts(id) DEFERRABLE INITIALLY DEFERRED;



ALTER TABLE ONLY public.grants
    ADD CONSTRAINT fk_grants_account_id FOREIGN KEY (account_id) REFERENCES public.accounts(id) DEFERRABLE INITIALLY DEFERRED;



ALTER TABLE ONLY public.identities
    ADD CONSTRAINT fk_identities_account_id FOREIGN KEY (account_id) REFERENCES public.accounts(id) DEFERRABLE INITIALLY DEFERRED;



ALTER TABLE ONLY public.questions
    ADD CONSTRAINT fk_questions_account_id FOREIGN KEY (account_id) REFERENCES public.accounts(id) DEFERRABLE INITIALLY DEFERRED;



ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT fk_sessions_account_id FOREIGN KEY (account_id) REFERENCES public.accounts(id) DEFERRABLE INITIALLY DEFERRED;



ALTER TABLE ONLY public.shares
    ADD CONSTRAINT fk_shares_account_id FOREIGN KEY (account_id) REFERENCES public.accounts(id) DEFERRABLE INITIALLY DEFERRED;



ALTER TABLE ONLY public.subjects
    ADD CONSTRAINT fk_subjects_account_id FOREIGN KEY (account_id) REFERENCES public.accounts(id) DEFERRABLE INITIALLY DEFERRED;



ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT fk_tokens_grant_id FOREIGN KEY (grant_id) REFERENCES public.grants(id) DEFERRABLE INITIALLY DEFERRED;




