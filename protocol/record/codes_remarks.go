package record

// Code lists of what members say about one another's records.

var remarkTypes = []code{
	{id: "question", ko: "질문", en: "Question", fr: "Question", es: "Pregunta"},
	{id: "reply", ko: "답글", en: "Reply", fr: "Réponse", es: "Respuesta"},
	{id: "translation", ko: "번역", en: "Translation", fr: "Traduction", es: "Traducción"},
	{id: "adoption", ko: "적용 사례", en: "Adoption", fr: "Reprise", es: "Adopción"},
	{id: "endorsement", ko: "확인", en: "Endorsement", fr: "Attestation", es: "Respaldo"},
	{id: "partnership", ko: "사업 참여", en: "Partnership", fr: "Partenariat", es: "Participación"},
	{id: "update", ko: "진행 소식", en: "Project update", fr: "Nouvelles du projet", es: "Novedades del proyecto"},
	{id: "acknowledgement", ko: "수신 확인", en: "Acknowledgement", fr: "Accusé de lecture", es: "Acuse de recibo"},
	{id: "flag", ko: "사무국 표시", en: "Flag", fr: "Signalement", es: "Aviso de la secretaría"},
	{id: "submission", ko: "모집 응답", en: "Answer to a call", fr: "Réponse à un appel", es: "Respuesta a una convocatoria"},
	{id: "recall", ko: "되돌림", en: "Taken back", fr: "Retrait", es: "Retirada"},
}

var adoptionResults = []code{
	{id: "ongoing", ko: "진행 중", en: "Still going on", fr: "En cours", es: "En curso"},
	{id: "worked", ko: "잘 되었음", en: "It worked", fr: "Cela a marché", es: "Funcionó"},
	{id: "partly", ko: "일부 되었음", en: "It worked in part", fr: "Cela a marché en partie", es: "Funcionó en parte"},
	{id: "failed", ko: "되지 않았음", en: "It did not work", fr: "Cela n’a pas marché", es: "No funcionó"},
}

var endorsementWays = []code{
	{id: "verified_visit", ko: "직접 방문해 확인함", en: "Seen on a visit", fr: "Constaté lors d’une visite", es: "Comprobado en una visita"},
	{id: "used_it", ko: "직접 써 봄", en: "Used by themselves", fr: "Utilisé", es: "Utilizado"},
	{id: "read_it", ko: "읽어 봄", en: "Read", fr: "Lu", es: "Leído"},
}

var partnershipSteps = []code{
	{id: "join", ko: "참여", en: "Joins", fr: "Rejoint", es: "Se une"},
	{id: "leave", ko: "그만둠", en: "Leaves", fr: "Quitte", es: "Se retira"},
}

var flagSteps = []code{
	{id: "flag", ko: "접어 둠", en: "Folded away", fr: "Replié", es: "Plegado"},
	{id: "lift", ko: "다시 펼침", en: "Shown again", fr: "Rétabli", es: "Restablecido"},
}

var flagReasons = []code{
	{id: "mistaken", ko: "잘못 올린 글", en: "Published by mistake", fr: "Publié par erreur", es: "Publicado por error"},
	{id: "abusive", ko: "부적절한 글", en: "Abusive", fr: "Abusif", es: "Abusivo"},
	{id: "personal_data", ko: "개인정보", en: "Personal data", fr: "Données personnelles", es: "Datos personales"},
	{id: "duplicate", ko: "중복", en: "Published twice", fr: "Publié deux fois", es: "Publicado dos veces"},
	{id: "unlawful", ko: "법에 어긋남", en: "Unlawful", fr: "Illicite", es: "Ilícito"},
	{id: "other", ko: "기타", en: "Other", fr: "Autre", es: "Otro"},
}
