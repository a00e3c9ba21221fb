package record

// Code lists of agreements. Actions are those of ValueFlows that an exchange between members needs.

var clauseActions = []code{
	{id: "work", ko: "사람을 보내 일함", en: "People work", fr: "Des personnes travaillent", es: "Trabajan personas"},
	{id: "deliver_service", ko: "서비스 제공", en: "Give a service", fr: "Rendre un service", es: "Prestar un servicio"},
	{id: "transfer", ko: "넘겨줌", en: "Hand over for good", fr: "Céder", es: "Entregar en propiedad"},
	{id: "transfer_custody", ko: "빌려줌", en: "Lend", fr: "Prêter", es: "Prestar"},
	{id: "return_custody", ko: "되돌려줌", en: "Give back", fr: "Rendre", es: "Devolver"},
	{id: "use", ko: "쓰게 함", en: "Let use", fr: "Mettre à disposition", es: "Dejar usar"},
	{id: "copy", ko: "사본 제공", en: "Give a copy", fr: "Donner une copie", es: "Dar una copia"},
}

var clauseMeets = []code{
	{id: "offer", ko: "제공에서 나감", en: "Counts against the offer", fr: "Compte sur l’offre", es: "Cuenta en la oferta"},
	{id: "request", ko: "요청을 채움", en: "Counts toward the request", fr: "Compte pour la demande", es: "Cuenta para la solicitud"},
}

var cancelReasons = []code{
	{id: "force_majeure", ko: "불가항력", en: "Force majeure", fr: "Force majeure", es: "Fuerza mayor"},
	{id: "visa_refused", ko: "비자 거절", en: "Visa refused", fr: "Visa refusé", es: "Visado denegado"},
	{id: "staff_change", ko: "담당자 변경", en: "Change of staff", fr: "Changement de personnel", es: "Cambio de personal"},
	{id: "funding", ko: "예산 사정", en: "Funding", fr: "Financement", es: "Financiación"},
	{id: "no_reply", ko: "답이 없음", en: "No reply", fr: "Sans réponse", es: "Sin respuesta"},
	{id: "other", ko: "기타", en: "Other", fr: "Autre", es: "Otro"},
}

var mediationClosings = []code{
	{id: "continue", ko: "그대로 이어감", en: "Carry on as agreed", fr: "Poursuivre comme convenu", es: "Seguir según lo acordado"},
	{id: "amend", ko: "합의를 고침", en: "Amend the agreement", fr: "Modifier l’accord", es: "Modificar el acuerdo"},
	{id: "complete", ko: "한 만큼으로 마침", en: "Close with what was done", fr: "Clore avec ce qui a été fait", es: "Cerrar con lo realizado"},
	{id: "cancel", ko: "합의를 취소함", en: "Cancel the agreement", fr: "Annuler l’accord", es: "Cancelar el acuerdo"},
}

var outcomes = []code{
	{id: "met", ko: "뜻대로 됨", en: "Met", fr: "Atteint", es: "Cumplido"},
	{id: "partly", ko: "일부만 됨", en: "Partly met", fr: "En partie", es: "En parte"},
	{id: "not", ko: "되지 않음", en: "Not met", fr: "Non atteint", es: "No cumplido"},
}
