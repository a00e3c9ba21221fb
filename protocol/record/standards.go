package record

// standards holds the lists of other bodies whose codes are taken as they are, each as
// one text of codes separated by blanks, so that nothing is built at start.
var standards = map[List]string{
	// ISO 3166-1 alpha-2: the 249 officially assigned codes.
	Countries: `
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT
JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY
QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW`,

	// ISO 4217, currencies in circulation after the amendments up to January 2026 (the
	// lev and the Antillean guilder are gone, the Caribbean guilder and Zimbabwe Gold are
	// in); without funds codes, metals, testing and no-currency codes.
	Currencies: `
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP
CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR
IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU
MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG
SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV
WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG`,

	// ISCO-08 (ILO, 2008): the 436 unit groups.
	Skills: `
0110 0210 0310
1111 1112 1113 1114 1120 1211 1212 1213 1219 1221 1222 1223 1311 1312 1321 1322 1323 1324 1330 1341 1342 1343 1344
1345 1346 1349 1411 1412 1420 1431 1439
2111 2112 2113 2114 2120 2131 2132 2133 2141 2142 2143 2144 2145 2146 2149 2151 2152 2153 2161 2162 2163 2164 2165
2166 2211 2212 2221 2222 2230 2240 2250 2261 2262 2263 2264 2265 2266 2267 2269 2310 2320 2330 2341 2342 2351 2352
2353 2354 2355 2356 2359 2411 2412 2413 2421 2422 2423 2424 2431 2432 2433 2434 2511 2512 2513 2514 2519 2521 2522
2523 2529 2611 2612 2619 2621 2622 2631 2632 2633 2634 2635 2636 2641 2642 2643 2651 2652 2653 2654 2655 2656 2659
3111 3112 3113 3114 3115 3116 3117 3118 3119 3121 3122 3123 3131 3132 3133 3134 3135 3139 3141 3142 3143 3151 3152
3153 3154 3155 3211 3212 3213 3214 3221 3222 3230 3240 3251 3252 3253 3254 3255 3256 3257 3258 3259 3311 3312 3313
3314 3315 3321 3322 3323 3324 3331 3332 3333 3334 3339 3341 3342 3343 3344 3351 3352 3353 3354 3355 3359 3411 3412
3413 3421 3422 3423 3431 3432 3433 3434 3435 3511 3512 3513 3514 3521 3522
4110 4120 4131 4132 4211 4212 4213 4214 4221 4222 4223 4224 4225 4226 4227 4229 4311 4312 4313 4321 4322 4323 4411
4412 4413 4414 4415 4416 4419
5111 5112 5113 5120 5131 5132 5141 5142 5151 5152 5153 5161 5162 5163 5164 5165 5169 5211 5212 5221 5222 5223 5230
5241 5242 5243 5244 5245 5246 5249 5311 5312 5321 5322 5329 5411 5412 5413 5414 5419
6111 6112 6113 6114 6121 6122 6123 6129 6130 6210 6221 6222 6223 6224 6310 6320 6330 6340
7111 7112 7113 7114 7115 7119 7121 7122 7123 7124 7125 7126 7127 7131 7132 7133 7211 7212 7213 7214 7215 7221 7222
7223 7224 7231 7232 7233 7234 7311 7312 7313 7314 7315 7316 7317 7318 7319 7321 7322 7323 7411 7412 7413 7421 7422
7511 7512 7513 7514 7515 7516 7521 7522 7523 7531 7532 7533 7534 7535 7536 7541 7542 7543 7544 7549
8111 8112 8113 8114 8121 8122 8131 8132 8141 8142 8143 8151 8152 8153 8154 8155 8156 8157 8159 8160 8171 8172 8181
8182 8183 8189 8211 8212 8219 8311 8312 8321 8322 8331 8332 8341 8342 8343 8344 8350
9111 9112 9121 9122 9123 9129 9211 9212 9213 9214 9215 9216 9311 9312 9313 9321 9329 9331 9332 9333 9334 9411 9412
9510 9520 9611 9612 9613 9621 9622 9623 9624 9629`,
}

// skillNames has labels of the ten major groups and of the unit groups that exchanges
// between members of a social-economy federation name most.
var skillNames = []code{
	{id: "0", ko: "군인", en: "Armed forces", fr: "Forces armées", es: "Fuerzas armadas"},
	{id: "1", ko: "관리자", en: "Managers", fr: "Direction et encadrement", es: "Dirección y gerencia"},
	{id: "2", ko: "전문가", en: "Professionals", fr: "Professions intellectuelles et scientifiques", es: "Profesionales científicos e intelectuales"},
	{id: "3", ko: "기술자와 준전문가", en: "Technicians and associate professionals", fr: "Professions intermédiaires", es: "Técnicos y profesionales de nivel medio"},
	{id: "4", ko: "사무 종사자", en: "Clerical support", fr: "Personnel administratif", es: "Personal de apoyo administrativo"},
	{id: "5", ko: "서비스와 판매 종사자", en: "Services and sales", fr: "Services et vente", es: "Servicios y ventas"},
	{id: "6", ko: "농림어업 숙련 종사자", en: "Skilled agriculture, forestry and fishery", fr: "Agriculture, sylviculture et pêche qualifiées", es: "Agricultura, silvicultura y pesca cualificadas"},
	{id: "7", ko: "기능 종사자", en: "Craft and related trades", fr: "Métiers de l’industrie et de l’artisanat", es: "Oficios y artesanía"},
	{id: "8", ko: "기계 조작과 조립", en: "Machine operators and assemblers", fr: "Conduite de machines et assemblage", es: "Operación de máquinas y montaje"},
	{id: "9", ko: "단순 노무", en: "Elementary occupations", fr: "Professions élémentaires", es: "Ocupaciones elementales"},
	{id: "1112", ko: "고위 공무원", en: "Senior government officials", fr: "Cadres supérieurs de l’administration publique", es: "Altos cargos de la administración pública"},
	{id: "1114", ko: "단체 고위 임원", en: "Senior officials of organisations", fr: "Dirigeants d’organisations", es: "Dirección de organizaciones"},
	{id: "1213", ko: "정책·기획 관리자", en: "Policy and planning managers", fr: "Direction des politiques et de la planification", es: "Dirección de políticas y planificación"},
	{id: "1344", ko: "사회복지 관리자", en: "Social welfare managers", fr: "Direction de services sociaux", es: "Dirección de servicios sociales"},
	{id: "2132", ko: "농림어업 자문가", en: "Farming, forestry and fisheries advisers", fr: "Conseil en agriculture, sylviculture et pêche", es: "Asesoría agraria, forestal y pesquera"},
	{id: "2133", ko: "환경 보호 전문가", en: "Environmental protection professionals", fr: "Protection de l’environnement", es: "Protección medioambiental"},
	{id: "2161", ko: "건축가", en: "Building architects", fr: "Architectes", es: "Arquitectura"},
	{id: "2164", ko: "도시·교통 계획가", en: "Town and traffic planners", fr: "Urbanistes et planification des transports", es: "Urbanismo y planificación del tráfico"},
	{id: "2310", ko: "대학 교원", en: "University teachers", fr: "Enseignement supérieur", es: "Profesorado universitario"},
	{id: "2320", ko: "직업 교육 교사", en: "Vocational education teachers", fr: "Enseignement professionnel", es: "Profesorado de formación profesional"},
	{id: "2341", ko: "초등 교사", en: "Primary school teachers", fr: "Enseignement primaire", es: "Profesorado de primaria"},
	{id: "2342", ko: "유아 교사", en: "Early childhood educators", fr: "Éducation de la petite enfance", es: "Educación infantil"},
	{id: "2351", ko: "교육 방법 전문가", en: "Education methods specialists", fr: "Méthodes d’enseignement", es: "Métodos pedagógicos"},
	{id: "2356", ko: "정보기술 강사", en: "Information technology trainers", fr: "Formation en informatique", es: "Formación en tecnología de la información"},
	{id: "2359", ko: "그 밖의 교육 전문가", en: "Other teaching professionals", fr: "Autres professions de l’enseignement", es: "Otros profesionales de la enseñanza"},
	{id: "2411", ko: "회계 전문가", en: "Accountants", fr: "Comptabilité", es: "Contabilidad"},
	{id: "2412", ko: "금융·투자 자문가", en: "Financial and investment advisers", fr: "Conseil financier", es: "Asesoría financiera y de inversiones"},
	{id: "2421", ko: "경영·조직 분석가", en: "Management and organisation analysts", fr: "Analyse de gestion et d’organisation", es: "Análisis de gestión y organización"},
	{id: "2422", ko: "정책 행정 전문가", en: "Policy administration professionals", fr: "Administration des politiques publiques", es: "Administración de políticas"},
	{id: "2423", ko: "인사·진로 전문가", en: "Personnel and careers professionals", fr: "Ressources humaines et carrières", es: "Personal y orientación profesional"},
	{id: "2424", ko: "직원 교육 전문가", en: "Training and staff development professionals", fr: "Formation du personnel", es: "Formación de personal"},
	{id: "2432", ko: "홍보 전문가", en: "Public relations professionals", fr: "Relations publiques", es: "Relaciones públicas"},
	{id: "2512", ko: "소프트웨어 개발자", en: "Software developers", fr: "Développement de logiciels", es: "Desarrollo de programas informáticos"},
	{id: "2522", ko: "시스템 관리자", en: "Systems administrators", fr: "Administration de systèmes", es: "Administración de sistemas"},
	{id: "2611", ko: "변호사", en: "Lawyers", fr: "Avocats", es: "Abogacía"},
	{id: "2631", ko: "경제학자", en: "Economists", fr: "Économistes", es: "Economistas"},
	{id: "2632", ko: "사회학자와 인류학자", en: "Sociologists and anthropologists", fr: "Sociologie et anthropologie", es: "Sociología y antropología"},
	{id: "2635", ko: "사회복지와 상담 전문가", en: "Social work and counselling professionals", fr: "Travail social et conseil", es: "Trabajo social y orientación"},
	{id: "2642", ko: "언론인", en: "Journalists", fr: "Journalisme", es: "Periodismo"},
	{id: "2643", ko: "번역가와 통역사", en: "Translators and interpreters", fr: "Traduction et interprétation", es: "Traducción e interpretación"},
	{id: "3323", ko: "구매 담당자", en: "Buyers", fr: "Achats", es: "Compras"},
	{id: "3333", ko: "고용 알선 담당자", en: "Employment agents and contractors", fr: "Placement et emploi", es: "Agentes de empleo"},
	{id: "3412", ko: "사회복지 준전문가", en: "Social work associates", fr: "Assistance au travail social", es: "Asistencia en trabajo social"},
	{id: "3434", ko: "주방장", en: "Chefs", fr: "Chefs de cuisine", es: "Jefatura de cocina"},
	{id: "5120", ko: "조리사", en: "Cooks", fr: "Cuisine", es: "Cocina"},
	{id: "5311", ko: "보육 종사자", en: "Child care workers", fr: "Garde d’enfants", es: "Cuidado infantil"},
	{id: "5322", ko: "재가 돌봄 종사자", en: "Home-based personal care workers", fr: "Aide à domicile", es: "Cuidados a domicilio"},
	{id: "6113", ko: "원예·묘목 재배자", en: "Gardeners and nursery growers", fr: "Jardinage et pépinières", es: "Jardinería y viveros"},
	{id: "7115", ko: "목수", en: "Carpenters and joiners", fr: "Charpente et menuiserie", es: "Carpintería"},
	{id: "7234", ko: "자전거 수리공", en: "Bicycle repairers", fr: "Réparation de vélos", es: "Reparación de bicicletas"},
	{id: "7522", ko: "가구 제작자", en: "Cabinet-makers", fr: "Ébénisterie", es: "Ebanistería"},
	{id: "7531", ko: "재단사와 봉제사", en: "Tailors and dressmakers", fr: "Couture", es: "Sastrería y costura"},
	{id: "9612", ko: "재활용 분류 종사자", en: "Refuse sorters", fr: "Tri des déchets", es: "Clasificación de residuos"},
}
