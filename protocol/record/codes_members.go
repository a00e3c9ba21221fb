package record

// Code lists of who members are.

var memberKinds = []code{
	{id: "city", ko: "도시", en: "City", fr: "Ville", es: "Ciudad"},
	{id: "region", ko: "광역 지역", en: "Region", fr: "Région", es: "Región"},
	{id: "organisation", ko: "단체", en: "Organisation", fr: "Organisation", es: "Organización"},
}

var stakeholders = []code{
	{id: "local_government", ko: "지방정부", en: "Local government", fr: "Collectivité locale", es: "Gobierno local"},
	{id: "state_agency", ko: "국가기관", en: "State agency", fr: "Organisme d’État", es: "Organismo estatal"},
	{id: "ngo", ko: "비정부기구", en: "Non-governmental organisation", fr: "Organisation non gouvernementale", es: "Organización no gubernamental"},
	{id: "sse_enterprise", ko: "협동조합·공제회·사회적기업", en: "Cooperative, mutual or social enterprise", fr: "Coopérative, mutuelle ou entreprise sociale", es: "Cooperativa, mutua o empresa social"},
	{id: "youth_organisation", ko: "청년 단체", en: "Youth organisation", fr: "Organisation de jeunesse", es: "Organización juvenil"},
	{id: "solidarity_finance", ko: "연대금융 기관", en: "Solidarity finance institution", fr: "Institution de finance solidaire", es: "Institución de finanzas solidarias"},
	{id: "university_research", ko: "대학·연구기관", en: "University or research", fr: "Université ou recherche", es: "Universidad o investigación"},
	{id: "network_local_government", ko: "지방정부 네트워크", en: "Network of local governments", fr: "Réseau de collectivités locales", es: "Red de gobiernos locales"},
	{id: "network_sse", ko: "사회연대경제 네트워크", en: "Network of the social and solidarity economy", fr: "Réseau de l’économie sociale et solidaire", es: "Red de economía social y solidaria"},
	{id: "network_youth", ko: "청년 네트워크", en: "Youth network", fr: "Réseau de jeunesse", es: "Red juvenil"},
	{id: "network_finance", ko: "연대금융 네트워크", en: "Network of solidarity finance", fr: "Réseau de finance solidaire", es: "Red de finanzas solidarias"},
	{id: "network_research", ko: "연구 네트워크", en: "Research network", fr: "Réseau de recherche", es: "Red de investigación"},
}

var orgTypes = []code{
	{id: "sse_network", ko: "사회적경제 네트워크", en: "Social economy network", fr: "Réseau de l’économie sociale", es: "Red de economía social"},
	{id: "support_organisation", ko: "지원 조직", en: "Support organisation", fr: "Structure d’appui", es: "Organización de apoyo"},
	{id: "cooperative_federation", ko: "협동조합 연합회", en: "Cooperative federation", fr: "Fédération de coopératives", es: "Federación de cooperativas"},
	{id: "cooperative", ko: "협동조합", en: "Cooperative", fr: "Coopérative", es: "Cooperativa"},
	{id: "mutual", ko: "공제회", en: "Mutual", fr: "Mutuelle", es: "Mutua"},
	{id: "association", ko: "협회", en: "Association", fr: "Association", es: "Asociación"},
	{id: "social_enterprise", ko: "사회적기업", en: "Social enterprise", fr: "Entreprise sociale", es: "Empresa social"},
	{id: "social_enterprise_group", ko: "사회적기업 그룹", en: "Social enterprise group", fr: "Groupe d’entreprises sociales", es: "Grupo de empresas sociales"},
	{id: "foundation", ko: "재단", en: "Foundation", fr: "Fondation", es: "Fundación"},
	{id: "university", ko: "대학", en: "University", fr: "Université", es: "Universidad"},
	{id: "research", ko: "연구기관", en: "Research institute", fr: "Institut de recherche", es: "Instituto de investigación"},
	{id: "finance_network", ko: "금융 네트워크", en: "Finance network", fr: "Réseau financier", es: "Red financiera"},
	{id: "finance_institution", ko: "금융기관", en: "Finance institution", fr: "Institution financière", es: "Institución financiera"},
	{id: "other", ko: "기타", en: "Other", fr: "Autre", es: "Otra"},
}

var populationBands = []code{
	{id: "under_20k", ko: "2만 명 미만", en: "Under 20,000 inhabitants", fr: "Moins de 20 000 habitants", es: "Menos de 20 000 habitantes"},
	{id: "20k_100k", ko: "2만~10만 명", en: "20,000 to 100,000 inhabitants", fr: "De 20 000 à 100 000 habitants", es: "De 20 000 a 100 000 habitantes"},
	{id: "100k_500k", ko: "10만~50만 명", en: "100,000 to 500,000 inhabitants", fr: "De 100 000 à 500 000 habitants", es: "De 100 000 a 500 000 habitantes"},
	{id: "500k_1m", ko: "50만~100만 명", en: "500,000 to 1 million inhabitants", fr: "De 500 000 à 1 million d’habitants", es: "De 500 000 a 1 millón de habitantes"},
	{id: "1m_5m", ko: "100만~500만 명", en: "1 to 5 million inhabitants", fr: "De 1 à 5 millions d’habitants", es: "De 1 a 5 millones de habitantes"},
	{id: "over_5m", ko: "500만 명 이상", en: "5 million inhabitants and more", fr: "5 millions d’habitants et plus", es: "5 millones de habitantes o más"},
}

var membersBands = []code{
	{id: "under_20", ko: "회원 20곳 미만", en: "Under 20 members", fr: "Moins de 20 membres", es: "Menos de 20 miembros"},
	{id: "20_100", ko: "회원 20~100곳", en: "20 to 100 members", fr: "De 20 à 100 membres", es: "De 20 a 100 miembros"},
	{id: "100_1k", ko: "회원 100~1,000곳", en: "100 to 1,000 members", fr: "De 100 à 1 000 membres", es: "De 100 a 1000 miembros"},
	{id: "1k_10k", ko: "회원 1,000~10,000곳", en: "1,000 to 10,000 members", fr: "De 1 000 à 10 000 membres", es: "De 1000 a 10 000 miembros"},
	{id: "over_10k", ko: "회원 10,000곳 이상", en: "10,000 members and more", fr: "10 000 membres et plus", es: "10 000 miembros o más"},
}

var continents = []code{
	{id: "africa", ko: "아프리카", en: "Africa", fr: "Afrique", es: "África"},
	{id: "asia", ko: "아시아", en: "Asia", fr: "Asie", es: "Asia"},
	{id: "europe", ko: "유럽", en: "Europe", fr: "Europe", es: "Europa"},
	{id: "north_america", ko: "북아메리카", en: "North America", fr: "Amérique du Nord", es: "América del Norte"},
	{id: "south_america", ko: "남아메리카", en: "South America", fr: "Amérique du Sud", es: "América del Sur"},
	{id: "oceania", ko: "오세아니아", en: "Oceania", fr: "Océanie", es: "Oceanía"},
}

var colleges = []code{
	{id: "public", ko: "공공 부문", en: "Public actors", fr: "Acteurs publics", es: "Actores públicos"},
	{id: "sse", ko: "사회연대경제 주체", en: "Social and solidarity economy actors", fr: "Acteurs de l’économie sociale et solidaire", es: "Actores de la economía social y solidaria"},
	{id: "youth", ko: "청년", en: "Youth", fr: "Jeunesse", es: "Juventud"},
	{id: "finance", ko: "사회연대금융", en: "Social and solidarity finance", fr: "Finance sociale et solidaire", es: "Finanzas sociales y solidarias"},
	{id: "research", ko: "연구와 미래 예측", en: "Research and foresight", fr: "Recherche et prospective", es: "Investigación y prospectiva"},
}
